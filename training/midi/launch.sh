#!/bin/bash
# launch.sh PACK OUT SECONDS: trains, measures, and leaves in OUT the weights in parts and results.tar.gz.
# What was trained comes back even where measuring fails.
set -u
run=$(mktemp -d)
export PYTHONUNBUFFERED=1
python3 "$(dirname "$0")/train.py" --pack "$1" --out "$run" --seconds "$3" "${@:4}"
status=$?
cp "$run"/checkpoint-*.safetensors "$2"/
tar czf "$2/results.tar.gz" -C "$run" $(cd "$run" && ls config.json training.json metrics.json continuations.npz 2>/dev/null)
ls -l "$2"
exit $status
