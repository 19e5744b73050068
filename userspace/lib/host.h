/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVS_HOST_H
#define EVS_HOST_H

/**
 * evs_host_end() - Where does a host and its port end?
 * @text: what follows the scheme of a URL
 *
 * A host is a name of ASCII letters, digits, dots, hyphens and underscores (one in
 * another script is written xn--...), an IPv4 address, or an IPv6 address in brackets.
 * A port, which may follow after a colon, is 1 to 65535.
 *
 * Return: the first character behind it, or NULL when there is no host or a bad port.
 */
const char *evs_host_end(const char *text);

#endif /* EVS_HOST_H */
