#!/bin/sh
# Gives each TiKV of compose.yml a disk of its own: a sparse file with a file system on a loop device.
# A fault that fills the disk of one store needs it; on a shared disk it is refused.
#
#   sudo compose/disks.sh up [GIB]     create and mount compose/disks/tikv-0, -1 and -2 (10 GiB each, sparse)
#   docker compose -f compose/compose.yml -f compose/disks.yml up -d
#   sudo compose/disks.sh down         unmount and delete them, after the containers are gone
#
# Exit codes: 0 done, 1 something failed, 64 wrong command line.
set -eu

STORES='tikv-0 tikv-1 tikv-2'
directory=$(cd "$(dirname "$0")" && pwd)/disks

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 64; }
mounted() { grep -q " $directory/$1 " /proc/mounts; }

up() {
    case $1 in ''|*[!0-9]*|0*) usage ;; esac
    for store in $STORES; do
        mounted "$store" && { echo "$store is already mounted"; continue; }
        mkdir -p "$directory/$store"
        if [ ! -f "$directory/$store.img" ]; then
            truncate -s "${1}G" "$directory/$store.img"
            mkfs.ext4 -q -F -m 0 "$directory/$store.img"
        fi
        mount -o loop "$directory/$store.img" "$directory/$store"
        echo "$store has $1 GiB in $directory/$store"
    done
}

down() {
    for store in $STORES; do
        if mounted "$store"; then umount "$directory/$store"; fi
        rm -f "$directory/$store.img"
        if [ -d "$directory/$store" ]; then rmdir "$directory/$store"; fi
    done
    if [ -d "$directory" ]; then rmdir "$directory"; fi
    echo "removed the disks of all stores"
}

case ${1:-} in
    up) [ $# -le 2 ] || usage; up "${2:-10}" ;;
    down) [ $# -eq 1 ] || usage; down ;;
    *) usage ;;
esac
