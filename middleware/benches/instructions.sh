#!/usr/bin/env bash
# Instructions that one exchange takes on the thread that serves it, bare and layered, counted by callgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v valgrind >/dev/null || { echo "instructions.sh: please install valgrind" >&2; exit 1; }
bench=$(cargo bench -p toolsight --bench instructions --no-run --message-format=json 2>/dev/null |
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

printf '%-12s %9s %-7s %12s %12s\n' result bytes as bare layered
while read -r text bytes as; do
    printf '%-12s %9s %-7s %12s %12s\n' "$text" "$bytes" "$as" "$(count bare "$text" "$bytes" "$as")" "$(count layered "$text" "$bytes" "$as")"
done <<'CASES'
prose 16 json
prose 16 stream
prose 1000000 json
prose 1000000 stream
nested 1000000 json
nested 1000000 stream
base64 1000000 json
structured 1000000 json
structured 1000000 stream
CASES
