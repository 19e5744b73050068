// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adds a key of type "evs" to the session keyring without a trace of it anywhere
 * else: the key is what two files of 64 bytes differ by. Prints its serial number.
 *
 * usage: padd NAME FILE FILE
 */
#include <fcntl.h>
#include <keyutils.h>
#include <stdio.h>
#include <unistd.h>

#include "secret.h"

static int take_in(struct evs_secret *dk, const char *path)
{
	unsigned char part[EVS_DK_SIZE];
	int fd = open(path, O_RDONLY);
	size_t i;

	if (fd < 0 || read(fd, part, sizeof(part)) != sizeof(part)) {
		perror(path);
		return -1;
	}
	close(fd);
	for (i = 0; i < sizeof(part); i++)
		dk->data[i] ^= part[i];
	return 0;
}

int main(int argc, char *argv[])
{
	struct evs_secret *dk = evs_secret_alloc(EVS_DK_SIZE);
	key_serial_t key;

	if (argc != 4 || !dk || take_in(dk, argv[2]) || take_in(dk, argv[3]))
		return 1;
	key = add_key("evs", argv[1], dk->data, dk->size, KEY_SPEC_SESSION_KEYRING);
	if (key < 0)
		perror("add_key");
	evs_secret_free(dk);
	return key < 0 || printf("%d\n", key) < 0;
}
