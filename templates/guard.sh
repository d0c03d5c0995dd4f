#!/bin/sh
# One build for each pod, enforced by the pod itself: a load balancer knows only of its own builds, and during a roll there
# are two. Netfilter rules in the pod's network namespace refuse the second connection at its SYN, so that HAProxy takes that
# build to another pod within milliseconds. They survive restarts of the container and go with the pod.
#   guard.sh          sets the rules, reads them back and tries them: the initContainer, before buildkitd starts
#   guard.sh refuse   refuses every new connection, then runs the script that follows: before the pod drains
#   guard.sh admit    takes that back: a container that was killed, and not its pod, starts again
# Needs CAP_NET_ADMIN, iptables and ip6tables (both backends will do), awk, sleep and nc (busybox has the last three).

# `$` before a brace is for tools that fill in manifests, as Flux does: defaults are set without it.
[ -n "$GUARD_ADDRESSES" ] || GUARD_ADDRESSES= # the pod's, with commas between them
[ -n "$GUARD_BUILD_PORT" ] || GUARD_BUILD_PORT=1234
[ -n "$GUARD_CHECK_PORT" ] || GUARD_CHECK_PORT=8406
[ -n "$GUARD_LOG" ] || GUARD_LOG=/proc/1/fd/1 # the container's stdout, also from a hook
set -u

chain=ONE-BUILD

say() {
  { printf 'guard: %s\n' "$1" >"$GUARD_LOG"; } 2>/dev/null || printf 'guard: %s\n' "$1"
}

# The container's log is its last words, which `kubectl describe pod` shows.
fail() {
  clean_up
  say "error: $1"
  say "this pod cannot promise one build at a time, so it does not start; \`one_build_guard: off\` in clusters.yaml does without"
  exit 1
}

# Calls `$1 TABLE RULE...` for every rule, in an order that counts. Connections from loopback, as of the steps of a build in
# the host's network, are no builds of a load balancer; nothing else may have such an address. All of them are in a chain of
# their own, which only connections from elsewhere come to.
rules() {
  # The check port is no port for builds: a check is a SYN, its answer and an RST. What else a client sends is dropped before
  # it is tracked, so that nobody builds there, or holds a connection that would count as a build for longer than a minute.
  "$1" raw -p tcp --dport "$GUARD_CHECK_PORT" --tcp-flags SYN,RST NONE -j DROP
  # Whether the sender has a connection already: the load balancer whose build this is. Every SYN must come by all three
  # counts, since each counts what it has seen: the mark comes first, the decision last.
  "$1" mangle -p tcp --syn -m multiport --dports "$GUARD_BUILD_PORT,$GUARD_CHECK_PORT" \
    -m connlimit --connlimit-above 1 --connlimit-mask "$bits" -j MARK --set-mark 1
  # One build, whoever asks. No exemption: a refused SYN is counted for a moment, and two in a row would pass for an owner.
  "$1" filter -p tcp --syn --dport "$GUARD_BUILD_PORT" \
    -m connlimit --connlimit-above 1 --connlimit-mask 0 -j REJECT --reject-with tcp-reset
  # While there is one, checks are answered to its load balancer alone. To others, this pod is down.
  "$1" filter -p tcp --syn -m multiport --dports "$GUARD_BUILD_PORT,$GUARD_CHECK_PORT" \
    -m connlimit --connlimit-above 1 --connlimit-mask 0 -m mark ! --mark 1 \
    -m multiport --dports "$GUARD_CHECK_PORT" -j REJECT --reject-with tcp-reset
}

# Sets what is of a family of addresses: its program, its bits, its loopback.
of_family() {
  if [ "$1" = 4 ]; then
    tables=iptables bits=32 loopback=127.0.0.0/8
  else
    tables=ip6tables bits=128 loopback=::1/128
  fi
}

# The pod's own address of a family; nothing if it has none.
address_of() {
  printf '%s\n' "$GUARD_ADDRESSES" | awk -v family="$1" '
    { n = split($0, all, ",") }
    END { for (i = 1; i <= n; i++) if (all[i] != "" && (all[i] ~ /:/) == (family == 6)) { print all[i]; exit } }'
}

# Runs the family's program; `error` is what it said.
run() {
  error=$("$tables" -w "$@" 2>&1)
}

hook_of() {
  case $1 in raw) echo PREROUTING ;; *) echo INPUT ;; esac
}

# shellcheck disable=SC2317 # `rules` calls it
has_rule() {
  table=$1
  shift
  if ! run -t "$table" -C "$chain" "$@"; then whole=0; fi
}

# shellcheck disable=SC2317 # `rules` calls it
add_rule() {
  table=$1
  shift
  if [ "$set_up" = 1 ] && ! run -t "$table" -A "$chain" "$@"; then set_up=0; fi
}

# Sets `whole` to whether the kernel has every rule and the way to them.
read_back() {
  whole=1
  rules has_rule
  for table in raw mangle filter; do
    if ! run -t "$table" -C "$(hook_of "$table")" -p tcp ! -s "$loopback" -j "$chain"; then whole=0; fi
  done
}

# Sets the rules anew: nothing that was counted before counts now.
set_rules() {
  set_up=1
  for table in raw mangle filter; do
    run -t "$table" -N "$chain" || run -t "$table" -F "$chain" || return 1
  done
  rules add_rule
  if [ "$set_up" = 0 ]; then return 1; fi
  for table in raw mangle filter; do
    hook=$(hook_of "$table")
    run -t "$table" -C "$hook" -p tcp ! -s "$loopback" -j "$chain" ||
      run -t "$table" -I "$hook" 1 -p tcp ! -s "$loopback" -j "$chain" || return 1
  done
  read_back
  if [ "$whole" = 0 ]; then
    error='the rules are not there when read back'
    return 1
  fi
}

# Connections of a port in the kernel's tables: `listening` there, or `calling` it from this pod.
sockets() {
  set -- "$1" "$(printf '%04X' "$2")" /proc/net/tcp
  if [ -r /proc/net/tcp6 ]; then set -- "$@" /proc/net/tcp6; fi
  what=$1 port=$2
  shift 2
  awk -v what="$what" -v port="$port" '
    { n = split($2, here, ":"); m = split($3, there, ":") }
    what == "listening" && here[n] == port && $4 == "0A" { count++ }
    what == "calling" && there[m] == port && $4 == "01" { count++ }
    END { print count + 0 }' "$@"
}

# Ends what was started and waits until the ports are free. What only sleeps ends with the container.
clean_up() {
  if [ -z "$started" ]; then return 0; fi
  for process in $started; do kill -9 "$process" 2>/dev/null; done
  started='' tries=0
  while [ "$(sockets listening "$GUARD_BUILD_PORT")$(sockets listening "$GUARD_CHECK_PORT")" != 00 ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then return 0; fi
    sleep 0.1
  done
}
started=''

# Listens on a port with a process that is stopped: the kernel takes connections, and nothing ever ends one of them.
listen() {
  $nc -l -p "$1" </dev/null >/dev/null 2>&1 &
  started="$started $!"
  tries=0
  while [ "$(sockets listening "$1")" = 0 ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then fail "cannot listen on port $1 to try the rules"; fi
    sleep 0.1
  done
  kill -STOP "$!"
}

# Opens a connection and keeps it. Sets `outcome` to taken, refused or, if neither is seen within 5 s, unanswered.
dial() {
  before=$(sockets calling "$2")
  sleep 20 2>/dev/null | $nc "$1" "$2" >/dev/null 2>&1 &
  caller=$!
  started="$started $caller"
  outcome=unanswered tries=0
  while [ "$tries" -lt 50 ]; do
    # Asked first: a connection that was taken is never taken back.
    if [ "$(sockets calling "$2")" -gt "$before" ]; then
      outcome=taken
      return
    fi
    sleep 0.1
    if ! kill -0 "$caller" 2>/dev/null; then
      outcome=refused
      return
    fi
    tries=$((tries + 1))
  done
}

expect() {
  dial "$1" "$2"
  if [ "$outcome" != "$3" ]; then fail "$4 over $1 was $outcome, expected: $3. $5"; fi
}

# That the kernel lists the rules does not show that it counts: two real connections over the pod's own address do.
try_rules() {
  listen "$GUARD_BUILD_PORT"
  listen "$GUARD_CHECK_PORT"
  expect "$1" "$GUARD_BUILD_PORT" taken 'a first connection' 'Other rules of this pod or node may refuse it'
  # Some kernels around Linux 6.18 do not count what a host sends to itself (nf_conncount, mended in January 2026). The rules
  # may work there, which nobody could tell.
  expect "$1" "$GUARD_BUILD_PORT" refused 'a second connection' 'The kernel of this node does not count connections (xt_connlimit)'
  expect "$1" "$GUARD_CHECK_PORT" taken 'a check by the owner of the connection' 'The kernel of this node does not count by sender (xt_connlimit, xt_mark)'
  clean_up
  listen "$GUARD_BUILD_PORT"
  # The kernel counts a connection that was refused for some milliseconds more.
  tries_left=20 outcome=''
  while [ "$outcome" != taken ]; do
    dial "$1" "$GUARD_BUILD_PORT"
    tries_left=$((tries_left - 1))
    if [ "$outcome" != taken ] && [ "$tries_left" = 0 ]; then
      fail "a connection over $1 after the first has ended was $outcome: this pod would take one build and no other"
    fi
  done
  clean_up
}

guard() {
  if command -v nc >/dev/null; then
    nc=nc
  elif command -v busybox >/dev/null; then
    nc='busybox nc'
  else
    fail 'the image has no nc, with which the rules are tried'
  fi
  # Rules that count a build stay as they are.
  for port in "$GUARD_BUILD_PORT" "$GUARD_CHECK_PORT"; do
    if [ "$(sockets listening "$port")" != 0 ]; then fail "port $port is in use before buildkitd starts"; fi
  done
  if [ -z "$GUARD_ADDRESSES" ]; then fail 'GUARD_ADDRESSES does not name the addresses of the pod'; fi
  for family in 4 6; do
    of_family "$family"
    address=$(address_of "$family")
    if ! set_rules; then
      # Where the pod has no address of a family, its node may have nothing of it.
      if [ -z "$address" ]; then
        say "no rules for IPv$family, of which the pod has no address"
        continue
      fi
      if ! command -v "$tables" >/dev/null; then fail "the image has no $tables"; fi
      fail "$tables cannot set the rules: $error"
    fi
    if [ -n "$address" ]; then
      try_rules "$address"
      # The check that was tried has not ended with an RST, and would count for a minute.
      set_rules || fail "$tables cannot set the rules again: $error"
      say "one build at a time over $address: tried"
    fi
  done
}

refusal() {
  run -t filter "$1" "$chain" -p tcp --syn -m multiport --dports "$GUARD_BUILD_PORT,$GUARD_CHECK_PORT" \
    -j REJECT --reject-with tcp-reset
}

case $# in
  0) guard ;;
  *)
    for family in 4 6; do
      of_family "$family"
      # Without the chain, the family has no rules.
      if ! run -t filter -S "$chain"; then continue; fi
      if [ "$1" = refuse ]; then
        # A drain goes on without it, until nobody sends a build for long enough.
        refusal -C || refusal -I || say "cannot refuse new connections: $error"
      else
        while refusal -C; do
          if ! refusal -D; then
            say "cannot take connections again: $error"
            exit 1
          fi
        done
      fi
    done
    if [ $# -gt 1 ]; then exec /bin/sh "$2"; fi
    ;;
esac
exit 0
