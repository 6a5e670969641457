#!/bin/sh
# Starts train.py once for each GPU (two at most), with the same arguments, and waits for all of them:
#   ./launch.sh --data PACK --vocab BPE.txt.gz --state DIR --out DIR --resume start --plan ...
# The first process writes to the terminal, the second to rank1.log in the current folder.
set -eu
here=$(dirname "$0")
world=$(nvidia-smi -L | wc -l)
[ "$world" -gt 2 ] && world=2
export WORLD_SIZE="$world" MASTER_ADDR=127.0.0.1 MASTER_PORT=29533 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=4
if [ "$world" = 2 ]; then
    RANK=1 CUDA_VISIBLE_DEVICES=1 python3 "$here/train.py" "$@" >rank1.log 2>&1 &
    second=$!
fi
status=0
RANK=0 CUDA_VISIBLE_DEVICES=0 python3 "$here/train.py" "$@" || status=$?
if [ "$world" = 2 ]; then wait "$second" || status=$?; fi
exit "$status"
