# SPDX-License-Identifier: GPL-2.0-or-later
#
# The smallest system that boots: a boot sector that reads a sector behind the first MiB,
# sends it to the serial port, adds one to its first character and writes it back. So a
# disk tells how often it was booted. It ends QEMU by the device isa-debug-exit.
#
#	as --32 boot.s -o boot.o && ld -m elf_i386 --oformat binary -Ttext 0x7c00 -o boot boot.o

	.code16
	.globl	_start
_start:
	ljmp	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$_start, %sp
	cld
	movb	$0x42, %ah		# read; the firmware left the disk's number in %dl
	call	transfer
	movw	$sector, %si
	movw	%dx, %bx
2:	movw	$0x3fd, %dx
	inb	%dx, %al
	testb	$0x20, %al		# until the serial port takes a character
	jz	2b
	lodsb
	testb	%al, %al
	jz	3f
	movw	$0x3f8, %dx
	outb	%al, %dx
	jmp	2b
3:	movw	%bx, %dx
	incb	sector
	movw	$0x4300, %ax		# write
	call	transfer
	movb	$0, %al			# exit status 1
	jmp	end

# Extended read or write of that sector; exit status 3 where the disk refuses
transfer:
	movw	$packet, %si
	int	$0x13
	jc	failed
	ret
failed:
	movb	$1, %al
end:	outb	%al, $0xf4
	hlt
	jmp	end

	.balign	4
packet:
	.byte	16, 0			# its own size
	.word	1, sector, 0		# one sector, to this address
	.quad	2048			# its number

	.org	510
	.word	0xaa55
	.set	sector, _start + 512
