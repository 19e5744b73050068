// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instructions without an effect that lines.c knows: count from here, and up to here
 *
 * usage: mark start | mark stop
 */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "start")) {
		__asm__ volatile("nopl 0x45565301(%rax)");
	} else if (argc == 2 && !strcmp(argv[1], "stop")) {
		__asm__ volatile("nopl 0x45565302(%rax)");
	} else {
		fprintf(stderr, "usage: mark start | mark stop\n");
		return 2;
	}
	return 0;
}
