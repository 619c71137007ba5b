#!/bin/sh
# Checks that a TiKV cluster is deployed correctly, with only curl (or kubectl) and jq.
# `operator verify` checks more; this script is for machines without Operator.
#
#   compose/verify.sh http://127.0.0.1:2379 [http://127.0.0.1:2479 …]      every PD by its address
#   compose/verify.sh --kubectl [NAMESPACE]                                PD pods of a namespace (default: data)
#
# Exit codes: 0 all pass, 1 failures, 2 inconclusive, 64 wrong command line.
set -u

TIMEOUT_S=5
right=0 wrong=0 open=0

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 64; }
need() { command -v "$1" >/dev/null 2>&1 || { echo "verify.sh: $1 is needed and not installed" >&2; exit 64; }; }
pass() { right=$((right + 1)); printf '  \342\234\224 %s\n' "$1"; }
fail() { wrong=$((wrong + 1)); printf '  \342\234\230 %s\n      cause   %s\n      remedy  %s\n' "$1" "$2" "$3"; }
unsure() { open=$((open + 1)); printf '  ? %s\n      open    %s\n' "$1" "$2"; }

# get PD PATH: prints the body of the response, or nothing if there is none. Each member responds for itself.
get() {
    if [ "$mode" = kubectl ]; then
        kubectl get --raw "/api/v1/namespaces/$namespace/pods/$1:2379/proxy$2" 2>/dev/null
    else
        curl -fsS -m "$TIMEOUT_S" -H 'PD-Allow-follower-handle: true' "$1$2" 2>/dev/null
    fi
}

[ $# -gt 0 ] || usage
need jq
case $1 in
    --kubectl)
        mode=kubectl namespace=${2:-data}
        need kubectl
        members=$(kubectl -n "$namespace" get pods -l app=pd -o 'jsonpath={.items[*].metadata.name}') || exit 2
        ;;
    -*) usage ;;
    *)
        mode=curl members=$*
        need curl
        ;;
esac

# 1. Every PD responds.
first='' clusters='' silent=''
for member in $members; do
    body=$(get "$member" /pd/api/v1/members)
    # jq would round numbers of this size.
    id=$(printf '%s' "$body" | tr -d ' \n' | sed -n 's/.*"cluster_id":\([0-9]*\).*/\1/p')
    if [ -z "$id" ]; then
        silent="$silent $member"
    else
        [ -n "$first" ] || first=$member
        clusters="$clusters $id=$member"
    fi
done
claim='every PD responds'
if [ -z "$silent" ] && [ -n "$first" ]; then
    pass "$claim"
else
    fail "$claim" "no useful answer of:${silent:- any PD}" \
        "start it, or correct its address; if it exits immediately, its log states why: most often --initial-cluster differs between the members or lacks its own --name"
fi
[ -n "$first" ] || { printf '\n%s right, %s wrong, %s could not be told\n' "$right" "$wrong" "$open"; exit 1; }

# 2. One cluster.
claim='all PD belong to one cluster'
distinct=$(printf '%s\n' $clusters | cut -d= -f1 | sort -u | wc -l)
if [ "$distinct" -eq 1 ]; then
    pass "$claim"
else
    fail "$claim" "clusters:$clusters" \
        "the odd one formed a cluster of its own because its --initial-cluster names only itself, or it runs on an old data directory: stop it, empty the directory, start it with the list of the others"
fi

all=$(get "$first" /pd/api/v1/members)
health=$(get "$first" /pd/api/v1/health)
stores=$(get "$first" /pd/api/v1/stores)
replication=$(get "$first" /pd/api/v1/config/replicate)

# 3. All members joined; their number is odd.
claim='PD has an odd number of members, and all have joined'
absent=$(printf '%s' "$all" | jq -r '[.members[] | select((.client_urls // []) | length == 0) | .name + " at " + ((.peer_urls // ["?"])[0])] | join(", ")')
count=$(printf '%s' "$all" | jq '.members | length')
if [ -n "$absent" ]; then
    fail "$claim" "listed but never joined: $absent" \
        "start it with that --name and --advertise-peer-urls, or correct --initial-cluster, which must be the same list on all members"
elif [ $((count % 2)) -eq 0 ]; then
    fail "$claim" "$count members" "run 1, 3 or 5 members; if another one is running, it is not in this cluster: compare --initial-cluster"
else
    pass "$claim ($count)"
fi

# 4. One leader, healthy members.
claim='PD has one leader, which also leads etcd'
leader=$(printf '%s' "$all" | jq -r '.leader.name // empty')
etcd=$(printf '%s' "$all" | jq -r '.etcd_leader.name // empty')
if [ -n "$leader" ] && [ "$leader" = "$etcd" ]; then
    pass "$claim ($leader)"
else
    fail "$claim" "PD leader: ${leader:-none}, etcd leader: ${etcd:-none}" "a majority of the members must run and reach each other at --advertise-peer-urls"
fi
claim='PD calls every member healthy'
sick=$(printf '%s' "$health" | jq -r '[.[] | select(.health != true) | .name] | join(", ")' 2>/dev/null)
if [ -z "$health" ]; then
    unsure "$claim" "/health did not respond"
elif [ -z "$sick" ]; then
    pass "$claim"
else
    fail "$claim" "not healthy: $sick" "check that they run, and that the other members can reach them at --advertise-client-urls and --advertise-peer-urls"
fi

# 5. Stores.
claim='at least one TiKV has registered'
up=$(printf '%s' "$stores" | jq '[.stores[]? | select(.store.state_name == "Up")] | length' 2>/dev/null)
listed=$(printf '%s' "$stores" | jq '[.stores[]? | select(.store.state_name != "Tombstone")] | length' 2>/dev/null)
never='start TiKV with --pd-endpoints=HOST:PORT of a running PD, without http://; a TiKV that runs but is not listed never reached PD: its log contains "failed to connect to PD member", or "cluster ID mismatch" for a data directory of another cluster'
if [ "${listed:-0}" -eq 0 ]; then
    fail "$claim" "PD lists no store" "$never"
else
    pass "$claim ($listed)"
    claim='every store is up'
    down=$(printf '%s' "$stores" | jq -r '[.stores[] | select(.store.state_name != "Up" and .store.state_name != "Tombstone") | .store.address + " is " + .store.state_name] | join(", ")')
    if [ -z "$down" ]; then
        pass "$claim"
    else
        fail "$claim" "$down" "check that the process runs and can reach PD; a lost volume comes back as a new store: run pd-ctl store delete ID for the old one"
    fi
fi
claim='the number of replicas fits the number of stores'
replicas=$(printf '%s' "$replication" | jq -r '."max-replicas" // empty' 2>/dev/null)
if [ -z "$replicas" ]; then
    unsure "$claim" "PD did not report max-replicas"
elif [ "$replicas" -gt "${up:-0}" ]; then
    fail "$claim" "$replicas replicas, ${up:-0} stores are up" "$never"
elif [ $((replicas % 2)) -eq 0 ] || { [ "$replicas" -eq 1 ] && [ "${up:-0}" -ge 3 ]; }; then
    fail "$claim" "$replicas replicas on $up stores" "pd-ctl config set max-replicas 3"
else
    pass "$claim ($replicas on $up)"
fi

# 6. Advertised addresses.
claim='every advertised address is usable by others'
addresses=$( {
    printf '%s' "$all" | jq -r '.members[] | .name as $n | (.client_urls // [])[] | "\($n) \(.)"'
    printf '%s' "$stores" | jq -r '.stores[]? | "store-\(.store.id) \(.store.address)"'
} 2>/dev/null)
everywhere=$(printf '%s\n' "$addresses" | grep -E ' (https?://)?(0\.0\.0\.0|\[::\])?:[0-9]' | tr '\n' ';')
loopback=$(printf '%s\n' "$addresses" | grep -E ' (https?://)?(127\.|localhost|\[::1\])')
elsewhere=$(printf '%s\n' "$addresses" | grep -vE ' (https?://)?(127\.|localhost|\[::1\])' | grep -c .)
twice=$(printf '%s\n' "$addresses" | awk '{print $2}' | sort | uniq -d | tr '\n' ' ')
if [ -n "$everywhere" ]; then
    fail "$claim" "a listen address is advertised: $everywhere" "set --advertise-client-urls (PD) or --advertise-addr (TiKV) to a name that everyone resolves"
elif [ -n "$loopback" ] && [ "$elsewhere" -gt 0 ]; then
    fail "$claim" "loopback addresses are not usable from other machines: $(printf '%s' "$loopback" | tr '\n' ';')" "set --advertise-client-urls (PD) or --advertise-addr (TiKV) to a name that everyone resolves"
elif [ -n "$twice" ]; then
    fail "$claim" "advertised by two processes: $twice" "give each process an address of its own"
else
    pass "$claim"
fi

# 7. Versions.
claim='all PD and all TiKV run one release'
versions=$( {
    printf '%s' "$all" | jq -r '.members[].binary_version'
    printf '%s' "$stores" | jq -r '.stores[]?.store.version'
} 2>/dev/null | sed 's/^v//' | sort -u | grep . | tr '\n' ' ')
releases=$(printf '%s\n' $versions | cut -d. -f1,2 | sort -u | grep -c .)
if [ "$releases" -le 1 ]; then pass "$claim ($versions)"; else
    fail "$claim" "$versions" "use one tag for all images and binaries; if an upgrade is in progress, finish it"
fi

# 8. Labels.
claim='every store has the labels that replicas are placed by'
for label in $(printf '%s' "$replication" | jq -r '."location-labels" // empty | if type == "array" then .[] else split(",")[] end' 2>/dev/null); do
    lacking=$(printf '%s' "$stores" | jq -r --arg l "$label" '[.stores[]? | select([.store.labels[]?.key] | index($l) | not) | .store.address] | join(", ")')
    if [ -z "$lacking" ]; then pass "$claim ($label)"; else
        fail "$claim" "without $label: $lacking" "start it with --labels $label=…"
    fi
done

# 9. Replicas.
claim='no region lacks a replica'
lacking=$(get "$first" /pd/api/v1/regions/check/miss-peer | jq -r '.count // empty' 2>/dev/null)
if [ -z "$lacking" ]; then
    unsure "$claim" "PD did not respond"
elif [ "$lacking" -eq 0 ]; then
    pass "$claim"
else
    unsure "$claim" "$lacking regions lack one: normal in the first two minutes of a cluster, run this again later"
fi

printf '\n%s right, %s wrong, %s could not be told\n' "$right" "$wrong" "$open"
[ "$wrong" -eq 0 ] || exit 1
[ "$open" -eq 0 ] || exit 2
