// SPDX-License-Identifier: GPL-2.0-or-later
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */

void evs_text_locale(void)
{
	/* Not the locale itself: in some, case is not what protocols mean by it. */
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") ||
	    !setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "C");
}

/* ---- characters ---- */

/* Bytes of the UTF-8 character that @text begins with, its number in @code; 0 for none */
static size_t decode(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text[0];
	size_t size, i;

	size = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 :
	       first < 0xf8 ? 4 : 0;
	if (!size || size > len)
		return 0;
	*code = size == 1 ? first : first & (0x7fU >> size);
	for (i = 1; i < size; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (*code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return size;
}

static bool is_control(uint32_t code)
{
	return code < ' ' || (code >= 0x7f && code <= 0x9f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Takes a character or a stray byte. Returns its bytes; may it be printed? */
static size_t take(const char *text, size_t len, bool *good)
{
	uint32_t code = 0;
	size_t size = decode(text, len, &code);

	*good = size && !is_control(code);
	return size ? size : 1;
}

bool evs_text_valid(const char *text)
{
	size_t len = strlen(text), i;
	bool good = true;

	for (i = 0; i < len && good;)
		i += take(text + i, len - i, &good);
	return good;
}

/* ---- texts ---- */

/* Copies the printable ASCII that a text begins with, as far as there is room. */
static size_t copy_plain(char *dst, size_t room, const char *src, size_t len)
{
	size_t n = 0;

	while (n < len && n < room && src[n] >= ' ' && src[n] <= '~')
		n++;
	memcpy(dst, src, n);
	return n;
}

void evs_text_copy(char *dst, size_t size, const char *src, size_t len)
{
	size_t used = copy_plain(dst, size - 1, src, len), i, part, room;
	const char *from;
	bool good;

	for (i = used; i < len; i += part) {
		part = take(src + i, len - i, &good);
		from = src + i;
		room = part;
		if (!good) {
			from = (unsigned char)src[i] < 0x80 ? " " : REPLACEMENT;
			room = strlen(from);
		}
		if (room >= size - used)
			break;
		memcpy(dst + used, from, room);
		used += room;
	}
	dst[used] = '\0';
}

void evs_text_show(char *dst, size_t size, const char *src)
{
	bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"), good;
	size_t len = strlen(src), used = copy_plain(dst, size - 1, src, len), i, part, j;

	for (i = used; i < len; i += part) {
		part = take(src + i, len - i, &good);
		good = good && (utf8 || part == 1);
		if ((good ? part : 4 * part) >= size - used)
			break;
		if (good) {
			memcpy(dst + used, src + i, part);
			used += part;
			continue;
		}
		for (j = 0; j < part; j++)
			used += (size_t)snprintf(dst + used, size - used, "\\x%02x",
						 (unsigned char)src[i + j]);
	}
	dst[used] = '\0';
}

void evs_text_line(FILE *file, const char *fmt, ...)
{
	char *text = NULL, *shown = NULL;
	size_t size;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		fputs("out of memory\n", file);
		return;
	}
	size = EVS_TEXT_SHOWN_MAX((size_t)len);
	shown = malloc(size + 1);
	if (shown) {
		evs_text_show(shown, size, text);
		/* In one piece: other threads and processes print there as well. */
		fputs(strcat(shown, "\n"), file);
	} else {
		fputs("out of memory\n", file);
	}
	free(shown);
	free(text);
}
