# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# A run of many tests, in stages: source it with $log set, the folder for what
# they print.
#
#   kernels NAME...		make sure that these are there, as tests/vm/kernel names them
#   stage NAME INDENT COMMAND...	run it, count its results at that indentation
#   verdict				the sum of all: N passed, N failed, N skipped

mkdir -p "$log"
rm -f "$log"/*.count

# What takes long on a fresh machine, and is not a test
kernels()
{
	local kernel

	for kernel in "$@"; do
		tests/vm/kernel "$kernel" >/dev/null || exit 1
	done
}

# KTAP puts the test cases of a suite four columns in
stage()
{
	local name=$1 result="^ {$2}" status good bad skips start=$SECONDS

	shift 2
	"$@" >"$log/$name.tap" 2>"$log/$name.err" </dev/null
	status=$?
	grep -aE "$result(not )?ok [0-9]" "$log/$name.tap" >"$log/$name.results"
	# cmocka says "not ok" of a test that was skipped
	skips=$(grep -c '# SKIP' "$log/$name.results")
	bad=$(grep -v '# SKIP' "$log/$name.results" | grep -c 'not ok')
	good=$(($(wc -l <"$log/$name.results") - skips - bad))
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then
		# A stage that died, or proved nothing, is a failure of its own
		bad=1
	fi
	{
		printf '== %s: %d passed, %d failed, %d skipped, %d s\n' "$name" \
			"$good" "$bad" "$skips" $((SECONDS - start))
		grep -E 'not ok|# SKIP' "$log/$name.results"
		if [ "$bad" -gt 0 ]; then
			printf 'exit status %d; the end of %s:\n' "$status" "$log/$name.tap"
			tail -n 40 "$log/$name.tap" "$log/$name.err"
		fi
	} >"$log/$name.said"
	cat "$log/$name.said"
	echo "$good $bad $skips" >"$log/$name.count"
}

verdict()
{
	cat "$log"/*.count | awk '{ good += $1; bad += $2; skips += $3 }
		END { printf "%d passed, %d failed, %d skipped\n", good, bad, skips
		      exit bad > 0 || good == 0 }'
}
