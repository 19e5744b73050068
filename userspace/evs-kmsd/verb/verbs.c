// SPDX-License-Identifier: GPL-2.0-or-later
/* What evs-kmsd can do besides serving; its help lists nothing else. */
#include "init.h"
#include "verb/verb.h"

const struct kmsd_verb kmsd_verbs[] = {
	{ kmsd_verb_init, "init",
	  "[--state-dir DIR] [--module PATH]",
	  "set up the local KMS, once",
	  "  --state-dir DIR  directory for token, PINs and database (default:\n"
	  "                   " KMSD_STATE_DIR ")\n"
	  "  --module PATH    PKCS#11 module of the HSM (default: SoftHSM2,\n"
	  "                   " KMSD_MODULE ")\n"
	  "\n"
	  "Makes a token with random PINs and the root key in it, the database, and the\n"
	  "configuration file. Refuses if the KMS is set up already.\n" },
	{ kmsd_verb_audit_show, "audit show",
	  "[OPTION...] [FILE...]",
	  "print the audit log",
	  "  --json         print records as JSON, one on a line\n"
	  "  --since TIME   print records from this time on (UTC), such as 2026-11-30 or\n"
	  "                 2026-11-30T06:00:00Z\n"
	  "  --cmk ID       print records about this CMK\n"
	  "  --volume UUID  print records about this volume\n"
	  "\n"
	  "Prints one line for each record, oldest first. Reads the log, or the FILEs that it\n"
	  "was rotated to.\n" },
	{ kmsd_verb_audit_verify, "audit verify",
	  "[FILE...]",
	  "check that no record of the audit log was changed or removed",
	  "To check rotated logs as well, name them as FILEs, in any order.\n"
	  "Exits 2 and names the line when a record was changed or removed.\n" },
	{ kmsd_verb_audit_rotate, "audit rotate",
	  "",
	  "begin a new audit log and keep the old one under another name",
	  "Prints the new name of the old log. The first record of the new log holds the number\n"
	  "and the hash of the last record of the old one.\n" },
	{ kmsd_verb_root_rewrap, "root rewrap",
	  "--token LABEL [OPTION...]\n"
	  "       evs-kmsd [--config FILE] root rewrap --new-key",
	  "wrap all keys with another root key",
	  "  --token LABEL         use the root key in this token; initialise the token first\n"
	  "  --module PATH         its PKCS#11 module (default: as configured)\n"
	  "  --softhsm2-conf FILE  configuration of the module, if it is SoftHSM2\n"
	  "  --pin-file FILE       file with the user's PIN (default: as configured)\n"
	  "  --root-key LABEL      label of the root key; made if missing (default: as\n"
	  "                        configured)\n"
	  "  --new-key             make a new root key in the configured token\n"
	  "\n"
	  "Stop evs-kmsd first. If it was interrupted, run the same command again. The old\n"
	  "root key stays in its token: backups made before the rewrap need it.\n" },
	{ kmsd_verb_backup, "backup",
	  "FILE",
	  "back up the database, also while evs-kmsd runs",
	  "FILE does not contain the token with the root key. Back up the token separately, and\n"
	  "keep it in another place.\n" },
	{ kmsd_verb_restore, "restore",
	  "[--resurrect ID|all]... FILE",
	  "restore a backup with the token that it was made with",
	  "  --resurrect ID  restore this CMK, or all, although deleted since the backup\n"
	  "\n"
	  "Stop evs-kmsd first. Lists the CMKs that were made or deleted since the backup.\n"
	  "An existing database is kept: only the CMKs of --resurrect are added to it.\n" },
	{ kmsd_verb_client_add, "client add",
	  "[--role ROLE] [--project ID] NAME",
	  "make a remote host a client of the KMS",
	  "  --role ROLE     administrator, user or auditor (default: user)\n"
	  "  --project ID    project whose keys it uses (default: default)\n"
	  "\n"
	  "Makes a private key and a certificate for two years, adds the section [client NAME]\n"
	  "to the configuration, and puts what the host needs (client.pem, kmsd.pem, evs.conf)\n"
	  "into the directory client-NAME beside it. Prints the two commands to run next.\n" },
	{},
};
