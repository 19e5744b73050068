// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plugin of QEMU: cache lines that several CPUs of the guest use and at least one writes
 *
 * usage: -plugin file=lines.so,out=FILE
 *
 * Between two marks (mark.c) it notes which lines of guest memory each CPU touches. A touch
 * counts anew when the CPU has executed GAP instructions since the last one: on a real
 * machine another CPU has had the time to take the line then. A line that at least two CPUs
 * touched and one wrote is contended. The emulator may run the CPUs one after the other: it
 * is enough that each runs. At the second mark it writes
 *
 *   window NUMBER TOUCHES LINES INSTRUCTIONS LOST
 *   hot NUMBER TOUCHES CPUS WRITERS ADDRESS-OF-THE-INSTRUCTION
 *
 * the latter for the lines with the most touches; LOST are touches without room in a table.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu.h"

#define CPUS		64
#define LINE_SHIFT	6
#define GAP		1000
#define TABLE_BITS	18
#define TABLE_SIZE	(1u << TABLE_BITS)
#define HOT		40

/* What one CPU does with one line. @line is its number + 1, 0 if the entry is free. */
struct touch {
	uint64_t line, last, pc;
	uint32_t count;
	bool written;
};

/*
 * Written by that CPU alone, but for the marks, which may lose or keep the touch that another
 * CPU is just about to note. Aligned so that the host's CPUs do not share lines for it.
 */
struct cpu {
	struct touch *table;
	uint64_t instructions, lost;
	uint32_t used;
} __attribute__((aligned(128)));

/* What all CPUs do with it */
struct line {
	uint64_t line, touches, pc;
	unsigned int cpus, writers;
};

int qemu_plugin_version = 4;

static struct cpu cpus[CPUS];
static atomic_bool counting;
static unsigned int window;
static FILE *out;

static uint32_t slot(uint64_t line, unsigned int bits)
{
	return (line * 0x9e3779b97f4a7c15u) >> (64 - bits);
}

/* The entry of a line, or NULL if the table is full */
static struct touch *find(struct cpu *cpu, uint64_t line)
{
	uint32_t i = slot(line, TABLE_BITS);

	while (cpu->table[i].line && cpu->table[i].line != line)
		i = (i + 1) % TABLE_SIZE;
	if (!cpu->table[i].line) {
		if (cpu->used > TABLE_SIZE / 4 * 3)
			return NULL;
		cpu->used++;
		cpu->table[i].line = line;
	}
	return &cpu->table[i];
}

static void on_memory(unsigned int index, qemu_plugin_meminfo_t info, uint64_t address,
		      void *pc)
{
	struct cpu *cpu = &cpus[index % CPUS];
	struct qemu_plugin_hwaddr *where;
	struct touch *touch;

	if (!atomic_load_explicit(&counting, memory_order_relaxed))
		return;
	where = qemu_plugin_get_hwaddr(info, address);
	if (!where || qemu_plugin_hwaddr_is_io(where))
		return;
	touch = find(cpu, (qemu_plugin_hwaddr_phys_addr(where) >> LINE_SHIFT) + 1);
	if (!touch) {
		cpu->lost++;
		return;
	}

	if (!touch->count || cpu->instructions - touch->last > GAP)
		touch->count++;
	touch->last = cpu->instructions;
	/* The writer tells more than whoever reads */
	if (qemu_plugin_mem_is_store(info)) {
		touch->written = true;
		touch->pc = (uintptr_t)pc;
	} else if (!touch->written) {
		touch->pc = (uintptr_t)pc;
	}
}

static void on_block(unsigned int index, void *instructions)
{
	cpus[index % CPUS].instructions += (uintptr_t)instructions;
}

static int more_touches(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->touches < y->touches) - (x->touches > y->touches);
}

/* Add what each CPU has to a table of all, with room for 2^@bits lines */
static void merge(struct line *all, unsigned int bits)
{
	for (struct cpu *cpu = cpus; cpu < cpus + CPUS; cpu++) {
		for (uint32_t i = 0; i < TABLE_SIZE && cpu->table; i++) {
			const struct touch *touch = &cpu->table[i];
			uint32_t j = slot(touch->line, bits);

			if (!touch->line)
				continue;
			while (all[j].line && all[j].line != touch->line)
				j = (j + 1) % (1u << bits);
			all[j].line = touch->line;
			all[j].touches += touch->count;
			all[j].cpus++;
			all[j].writers += touch->written;
			if (touch->written || !all[j].pc)
				all[j].pc = touch->pc;
		}
	}
}

static void report(void)
{
	uint64_t touches = 0, instructions = 0, lost = 0, used = 0;
	unsigned int bits = 1, lines = 0;
	struct line *all;

	for (struct cpu *cpu = cpus; cpu < cpus + CPUS; cpu++) {
		instructions += cpu->instructions;
		lost += cpu->lost;
		used += cpu->used;
	}
	while (1u << bits < 2 * used)
		bits++;
	all = calloc((size_t)1 << bits, sizeof(*all));
	if (!all) {
		fprintf(stderr, "lines: out of memory\n");
		exit(1);
	}
	merge(all, bits);
	for (uint32_t i = 0; i < 1u << bits; i++) {
		if (all[i].cpus < 2 || !all[i].writers)
			continue;
		touches += all[i].touches;
		all[lines++] = all[i];
	}
	qsort(all, lines, sizeof(*all), more_touches);

	fprintf(out, "window %u %" PRIu64 " %u %" PRIu64 " %" PRIu64 "\n", window, touches, lines,
		instructions, lost);
	for (struct line *line = all; line < all + lines && line < all + HOT; line++)
		fprintf(out, "hot %u %" PRIu64 " %u %u %016" PRIx64 "\n", window, line->touches,
			line->cpus, line->writers, line->pc);
	if (fflush(out)) {
		perror("lines: out");
		exit(1);
	}
	free(all);
}

static void on_start(unsigned int index, void *data)
{
	(void)index;
	(void)data;
	atomic_store(&counting, false);
	for (struct cpu *cpu = cpus; cpu < cpus + CPUS; cpu++) {
		if (cpu->table)
			memset(cpu->table, 0, TABLE_SIZE * sizeof(*cpu->table));
		cpu->used = 0;
		cpu->instructions = cpu->lost = 0;
	}
	window++;
	atomic_store(&counting, true);
}

static void on_stop(unsigned int index, void *data)
{
	(void)index;
	(void)data;
	atomic_store(&counting, false);
	report();
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

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, QEMU_PLUGIN_CB_NO_REGS,
					     (void *)(uintptr_t)count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
		unsigned int mark = mark_of(instruction);

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(instruction,
							       mark == 1 ? on_start : on_stop,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		qemu_plugin_register_vcpu_mem_cb(instruction, on_memory, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW, (void *)(uintptr_t)
						 qemu_plugin_insn_vaddr(instruction));
	}
}

static void on_cpu(qemu_plugin_id_t id, unsigned int index)
{
	(void)id;
	if (index < CPUS && !cpus[index].table)
		cpus[index].table = calloc(TABLE_SIZE, sizeof(*cpus[index].table));
	if (index >= CPUS || !cpus[index].table) {
		fprintf(stderr, "lines: no table for CPU %u\n", index);
		exit(1);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "lines: usage: out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_init_cb(id, on_cpu);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
