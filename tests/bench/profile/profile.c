// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plugin of QEMU: count how often each piece of code of the guest is run
 *
 * usage: -plugin file=profile.so,out=FILE
 *
 * Between two marks (../lines/mark.c) it counts the instructions of each translated block. At
 * the second mark it writes a line "window NUMBER", and for each block
 *
 *   ADDRESS INSTRUCTIONS
 *
 * For one CPU (tests/vm/qemu -i).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lines/qemu.h"

/* A block of instructions, which has been translated once or more */
struct block {
	struct block *next;
	uint64_t address, instructions, count;
};

int qemu_plugin_version = 4;

static struct block *blocks;
static unsigned int window;
static FILE *out;

static void on_block(unsigned int index, void *data)
{
	struct block *block = data;

	(void)index;
	block->count += block->instructions;
}

static void on_start(unsigned int index, void *unused)
{
	(void)index;
	(void)unused;
	for (struct block *block = blocks; block; block = block->next)
		block->count = 0;
}

static void on_stop(unsigned int index, void *unused)
{
	(void)index;
	(void)unused;
	fprintf(out, "window %u\n", ++window);
	for (struct block *block = blocks; block; block = block->next)
		if (block->count)
			fprintf(out, "%016" PRIx64 " %" PRIu64 "\n", block->address, block->count);
	if (fflush(out)) {
		perror("profile: out");
		exit(1);
	}
}

/* nopl 0x455653NN(%rax), as mark.c has it: NN, or 0 if it is another instruction */
static unsigned int mark_of(const struct qemu_plugin_insn *instruction)
{
	uint8_t code[7];

	if (qemu_plugin_insn_data(instruction, code, sizeof(code)) != sizeof(code) ||
	    memcmp(code, "\x0f\x1f\x80", 3) || memcmp(code + 4, "SVE", 3))
		return 0;
	return code[3];
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = calloc(1, sizeof(*block));

	(void)id;
	if (!block) {
		fprintf(stderr, "profile: out of memory\n");
		exit(1);
	}
	block->address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	block->instructions = qemu_plugin_tb_n_insns(tb);
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, block);

	for (size_t i = 0; i < block->instructions; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
		unsigned int mark = mark_of(instruction);

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(instruction,
							       mark == 1 ? on_start : on_stop,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc == 1 && strncmp(argv[0], "out=", 4) == 0)
		out = fopen(argv[0] + 4, "w");
	if (!out) {
		fprintf(stderr, "profile: out=FILE is missing, or cannot be written\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
