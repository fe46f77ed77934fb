#!/bin/sh
# Builds an exported classifier for a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM, and runs it in
# QEMU on the lines of a file:
#
#     seqmap export M.seqmap --to c --out tiny ...
#     examples/microcontroller/run.sh tiny texts.txt
#
# Debian: apt install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export=$1
lines=$2
model=$(basename "$(ls "$export"/*_weights.h)" _weights.h)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
{
    echo 'static const char *const texts[] = {'
    sed 's/[\\"?]/\\&/g; s/^/"/; s/$/",/' "$lines"
    echo '};'
} > "$build/texts.h"
arm-none-eabi-gcc -std=c99 -O2 -Wall -Wextra -Werror -mcpu=cortex-m3 -mthumb \
    -ffunction-sections -fdata-sections -c "$export/$model.c" -o "$build/model.o"
arm-none-eabi-gcc -std=gnu99 -O2 -Wall -Wextra -Werror -mcpu=cortex-m3 -mthumb \
    -I"$export" -I"$build" -DMODEL="$model" -DMODEL_UPPER="$(echo "$model" | tr '[:lower:]' '[:upper:]')" \
    -DMODEL_HEADER="\"$model.h\"" -c "$here/board.c" -o "$build/board.o"
arm-none-eabi-gcc -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs -Wl,--gc-sections \
    -T "$here/lm3s6965.ld" "$build/board.o" "$build/model.o" -lm -o "$build/app.elf"
arm-none-eabi-size "$build/app.elf" >&2
arm-none-eabi-size "$build/app.elf" | awk 'NR == 2 {
    printf "flash %d of 262144 bytes, RAM %d of 65536 bytes and the stack\n", $1 + $2, $2 + $3 }' >&2
if arm-none-eabi-nm "$build/app.elf" | grep -q ' [Tt] _*malloc'; then
    echo "malloc was linked in" >&2
    exit 1
fi
# A nanosecond of the machine's time for each instruction: then its timer counts instructions.
timeout 300 qemu-system-arm -M lm3s6965evb -icount shift=0 -display none -monitor none -serial none \
    -chardev stdio,id=out -semihosting-config enable=on,target=native,chardev=out -kernel "$build/app.elf" < /dev/null
