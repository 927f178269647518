#!/usr/bin/env bash
# Instructions that one exchange takes on the thread that serves it, bare and layered, counted by callgrind, beside those of
# instructions.txt. Fails where one of them is more than 5 % above; with --update it writes the table instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v valgrind >/dev/null || { echo "instructions.sh: please install valgrind" >&2; exit 1; }
[[ $# -eq 0 || $* == --update ]] || { echo "usage: instructions.sh [--update]" >&2; exit 1; }
table=middleware/benches/instructions.txt
bench=$(cargo bench -p toolsight --locked --bench instructions --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json, sys; print([line["executable"] for line in map(json.loads, sys.stdin) if line.get("target", {}).get("name") == "instructions"][-1])')

# Instructions of each call after the first ones, which set things up.
count() {
    total() {
        valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*instructions*measured*' \
            "$bench" "$@" 2>&1 | awk '/Collected/ { print $NF }'
    }
    local few many
    few=$(total "$@" 5)
    many=$(total "$@" 25)
    echo $(((many - few) / 20))
}

measured=$(
    printf '%-10s %9s %-7s %9s %9s\n' result bytes as bare layered
    while read -r text bytes as; do
        printf '%-10s %9s %-7s %9s %9s\n' "$text" "$bytes" "$as" "$(count bare "$text" "$bytes" "$as")" "$(count layered "$text" "$bytes" "$as")"
    done <<'CASES'
prose 16 json
prose 16 stream
prose 100000 json
base64 100000 json
nested 100000 json
structured 100000 json
prose 1000000 json
prose 1000000 stream
base64 1000000 json
nested 1000000 json
nested 1000000 stream
structured 1000000 json
structured 1000000 stream
CASES
)

if [[ $* == --update ]]; then
    printf '%s\n' "$measured" | tee "$table"
    exit
fi
# The two tables have the same rows.
paste -d ' ' <(printf '%s\n' "$measured") "$table" | awk '
    NR == 1 { print $1, $2, $3, "layered", "table"; next }
    $1 $2 $3 != $6 $7 $8 { print "the rows are others than in the table; see --update"; failed = 1; exit }
    { much = $5 > $10 * 1.05; failed = failed || much; printf "%-10s %9s %-7s %9d %9d%s\n", $1, $2, $3, $5, $10, much ? "  more than 5 % above" : "" }
    END { exit failed }'
