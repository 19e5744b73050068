// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With Secure Boot, the kernel loads a module only if it has the key of its signer.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "checks.h"

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ATTRIBUTES_SIZE 4	/* of a variable, before its value */
#define MODINFO "/sbin/modinfo"
#define KEYS "/proc/keys"
#define KEY_TYPE " asymmetri "

static bool secure_boot(void)
{
	unsigned char value[ATTRIBUTES_SIZE + 1];
	FILE *file = fopen(SECURE_BOOT, "re");
	bool on = false;

	if (!file)
		return false;
	on = fread(value, sizeof(value), 1, file) == 1 && value[ATTRIBUTES_SIZE] == 1;
	fclose(file);
	return on;
}

/* The name in the signature of the module; "" when it has none */
static void find_signer(char *signer, size_t size)
{
	FILE *info = popen(MODINFO " -F signer evs 2>/dev/null", "re");

	*signer = '\0';
	if (!info)
		return;
	if (!fgets(signer, (int)size, info))
		*signer = '\0';
	signer[strcspn(signer, "\n")] = '\0';
	pclose(info);
}

/* Is there a key whose description is this name, or ends with it, before its id? */
static bool is_enrolled(const char *signer)
{
	FILE *file = fopen(KEYS, "re");
	char line[1024], wanted[256];
	bool found = false;

	snprintf(wanted, sizeof(wanted), "%s: ", signer);
	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *key = strstr(line, KEY_TYPE);

		found = key && strstr(key, wanted);
	}
	if (file)
		fclose(file);
	return found;
}

void check_signer(struct findings *f)
{
	char signer[200];

	if (!secure_boot())
		return;
	find_signer(signer, sizeof(signer));
	if (!*signer)
		check_bad(f, "Secure Boot", "is on and the module is not signed; install it by DKMS, which signs it");
	else if (!is_enrolled(signer))
		check_bad(f, "Secure Boot", "is on and the module's signer is not enrolled (%s); for that of DKMS, run mokutil --import /var/lib/dkms/mok.pub and reboot",
			  signer);
	else
		check_good(f, "Secure Boot", "is on, and the module's signer is enrolled");
}
