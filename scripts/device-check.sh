#!/bin/bash
# Checks and measures the engine on the graphics card at hand, with built programs alone: no Node, no compiler, no
# network. Needs a Vulkan loader and driver. Most telling parts first, each with its own time limit; a failure stops
# none of the others. Logs go to $OUT/logs where OUT is set, else beside the scratch data.
#   scripts/device-check.sh [PROGRAMS [SCRATCH]]    from the repository's root
# PROGRAMS: build/native, or a kit made by scripts/device-kit.sh, packed or not.
# SCRATCH: a new folder with 8 GiB to spare.
# Environment: CHECK_SECONDS (170) for all of it; CHECK_DEVICE (auto) as --device; CHECK_STEPS (20);
# CHECK_BUDGETS (359,0,1024,384) and CHECK_CONTROL_BUDGETS (384,0,1024,359), in MiB, 0 is the driver's own;
# CHECK_MODEL (sd15), a specification of native/engine/testdata/models; CHECK_SIZE (512x512).
# CHECK_EVERY=N: nothing but the failure of every occurrence of every call, in N processes at once, the Nth part each.
set -u
programs=${1:-build/native}
scratch=${2:-${TMPDIR:-/tmp}/sluice-device-check-$$}
limit=${CHECK_SECONDS:-170}
device=${CHECK_DEVICE:-auto}
steps=${CHECK_STEPS:-20}
model=${CHECK_MODEL:-sd15}
size=${CHECK_SIZE:-512x512}
logs=${OUT:-$scratch}/logs
mkdir -p "$scratch/tmp" "$logs" || exit 1
export TMPDIR="$scratch/tmp"
if [ -f "$programs" ]; then
  mkdir -p "$scratch/kit" && tar -C "$scratch/kit" -xzf "$programs" || exit 1
  programs=$scratch/kit
fi
failures=0

find_program() {
  local place
  for place in "$programs" "$programs/bin" "$programs/engine" "$programs/examples"; do
    [ -x "$place/$1" ] && [ -f "$place/$1" ] && echo "$place/$1" && return
  done
  echo "$programs/$1"
}
tests=$(find_program sluice_tests)
bench_ops=$(find_program bench_ops)
bench_paint=$(find_program bench_paint)
seeded=$(find_program seeded_model)

# A machine for computing may have a driver and nothing else: a kit brings the loader and what the driver asks for.
if ! ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' && [ -d "$programs/lib" ]; then
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(cd "$programs/lib" && pwd)"
fi
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
  known=$(ls /usr/share/vulkan/icd.d/nvidia*.json /etc/vulkan/icd.d/nvidia*.json 2>/dev/null | head -n 1)
  apart=$(ls /usr/local/nvidia/share/vulkan/icd.d/*.json 2>/dev/null | head -n 1)
  if [ -z "$known" ] && [ -n "$apart" ]; then
    export VK_DRIVER_FILES=$apart VK_ICD_FILENAMES=$apart
  fi
fi

remaining() { echo $((limit - SECONDS)); }

# part NAME SECONDS COMMAND…: runs it within its limit and what is left of the whole; output to its log.
part() {
  local name=$1 seconds=$2 began=$SECONDS status
  shift 2
  local left
  left=$(remaining)
  [ "$seconds" -gt "$left" ] && seconds=$left
  if [ "$seconds" -lt 3 ]; then
    echo "-- $name: no time left"
    failures=$((failures + 1))
    return 1
  fi
  timeout --kill-after=5 "$seconds" "$@" >"$logs/$name.log" 2>&1
  status=$?
  local word="status $status"
  [ $status -eq 0 ] && word=ok
  [ $status -eq 124 ] && word="stopped after $seconds s"
  [ $status -ne 0 ] && failures=$((failures + 1))
  echo "-- $name: $word, $((SECONDS - began)) s"
  return $status
}

table() {
  part "$@"
  cat "$logs/$1.log"
}

# The tests' counts, and of failures the first lines.
check() {
  local name=$1
  part "$@" || grep -aE 'ERROR|CHECK\(|REQUIRE\(|values:|name :=|exception|half :=' "$logs/$name.log" | head -n 24
  grep -aE '^\[doctest\] (test cases|assertions)|MESSAGE:' "$logs/$name.log" | cut -c1-200
}

echo "programs: $programs, scratch: $scratch, $(nproc) cores"
nvidia-smi --query-gpu=name,driver_version,memory.used,memory.total --format=csv,noheader 2>/dev/null

# Every process has a log and a folder of its own; all have what is left of the time.
every() {
  local parts=$1 k failed=0 processes=()
  for ((k = 0; k < parts; k++)); do
    mkdir -p "$TMPDIR/every-$k"
    TMPDIR="$TMPDIR/every-$k" SLUICE_FAIL_EVERY=$k/$parts timeout --kill-after=5 "$(remaining)" \
      "$tests" --no-colors=true '--test-case=failures: every*' >"$logs/every-$k.log" 2>&1 &
    processes+=($!)
  done
  for ((k = 0; k < parts; k++)); do
    wait "${processes[$k]}" && continue
    echo "-- every $k/$parts: status $?"
    grep -aE 'ERROR|CHECK\(|REQUIRE\(|values:|site :=|pass :=|exception' "$logs/every-$k.log" | head -n 12
    failed=$((failed + 1))
  done
  cat "$logs"/every-*.log | grep -a 'MESSAGE:' |
    awk '{ for (i = 2; i <= NF; i++) { if ($i == "failures") errors += $(i - 1); if ($i == "had") none += $(i - 1) } }
      END { print errors + 0 " failures became errors, " none + 0 " had no consequence" }'
  echo "-- every occurrence: $failed of $parts parts failed, $SECONDS s"
  rm -rf "$scratch/tmp" "$scratch/kit"
  [ "$failed" -eq 0 ]
}
if [ "${CHECK_EVERY:-0}" -gt 0 ]; then
  every "$CHECK_EVERY"
  exit $?
fi

# The model is written meanwhile, one process a component.
seeding=()
for component in unet controlnet vae text_encoder; do
  "$seeded" "native/engine/testdata/models/$model.json" "$scratch/model" --components "$component" \
    >"$logs/seeded-$component.log" 2>&1 &
  seeding+=($!)
done

table ops-fp16 25 "$bench_ops" --fp16 --device "$device"
check networks 30 "$tests" --no-colors=true '--test-case=device: every network*'
for process in "${seeding[@]}"; do wait "$process" || failures=$((failures + 1)); done
echo "-- model written, $SECONDS s since the start"

paint=("$bench_paint" "$scratch/model" "$scratch/cache" resources --device "$device" --steps "$steps" --size "$size")
control=(--control "$scratch/model/controlnet")
table paint 45 "${paint[@]}" --vram "${CHECK_BUDGETS:-359,0,1024,384}"
table paint-control 50 "${paint[@]}" "${control[@]}" --vram "${CHECK_CONTROL_BUDGETS:-384,0,1024,359}"
check ops 30 "$tests" --no-colors=true '--test-case=ops:*'
check pictures 30 "$tests" --no-colors=true '--test-case=pictures:*'
check budgets 20 "$tests" --no-colors=true '--test-case=device: the same*,paint:*'
table paint-batch 30 "${paint[@]}" --vram 359 --count 4 --repeat 1
table ops-fp32 15 "$bench_ops" --device "$device"
check vulkan 20 "$tests" --no-colors=true '--test-case=vk:*'
check failures 60 "$tests" --no-colors=true '--test-case=failures:*'

rm -rf "$scratch/model" "$scratch/cache" "$scratch/tmp" "$scratch/kit"
echo "-- all in $SECONDS s, $failures parts failed; logs in $logs"
[ "$failures" -eq 0 ]
