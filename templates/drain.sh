#!/bin/sh
# preStop hook of a builder: returns when no build is connected; only then does the pod stop. Always exits 0. Whatever
# cannot be read or parsed counts as a build. Needs a POSIX shell, awk, sleep and date (busybox has them).

# `$` before a brace is for tools that fill in manifests, as Flux does: defaults are set without it.
[ -n "$DRAIN_PORT_HEX" ] || DRAIN_PORT_HEX=04D2 # 1234, as /proc/net/tcp writes it
[ -n "$DRAIN_POLL_S" ] || DRAIN_POLL_S=5
[ -n "$DRAIN_QUIET_POLLS" ] || DRAIN_QUIET_POLLS=12 # idle polls in a row: longer than DNS and the load balancer take to drop this pod
[ -n "$DRAIN_BLIP_S" ] || DRAIN_BLIP_S=1            # a health check has ended by then, a build has not
[ -n "$DRAIN_CAP_S" ] || DRAIN_CAP_S=7980           # shorter than terminationGracePeriodSeconds: buildkitd needs time to stop
[ -n "$DRAIN_NET" ] || DRAIN_NET=/proc/net
[ -n "$DRAIN_LOG" ] || DRAIN_LOG=/proc/1/fd/1 # the container's stdout

say() {
  # Some runtimes do not let the hook open /proc/1/fd/1; the line then goes to the hook's own output.
  { printf 'drain: %s\n' "$1" >"$DRAIN_LOG"; } 2>/dev/null || printf 'drain: %s\n' "$1"
}

# Prints the peer address of every established connection to the port. Fails if there is no table to read, if a line
# does not parse, or if nothing listens on the port, since then this is not the table of a builder.
peers() {
  set --
  for table in "$DRAIN_NET/tcp" "$DRAIN_NET/tcp6"; do
    if [ -r "$table" ]; then set -- "$@" "$table"; fi
  done
  [ $# -gt 0 ] || return 1
  awk -v port="$DRAIN_PORT_HEX" '
    FNR == 1 { if ($2 != "local_address") bad = 1; next }
    NF < 4 || $2 !~ /^[0-9A-F]+:[0-9A-F][0-9A-F][0-9A-F][0-9A-F]$/ || $4 !~ /^[0-9A-F][0-9A-F]$/ { bad = 1; next }
    { n = split($2, here, ":") }
    here[n] == port && $4 == "0A" { listening = 1 }
    here[n] == port && $4 == "01" { print $3 }
    END { exit (bad || !listening) }
  ' "$@" 2>/dev/null
}

# Sets `state` to idle, or to the reason why the pod must stay.
look() {
  if ! before=$(peers); then
    state="cannot read the connections"
    return
  fi
  if [ -z "$before" ]; then
    state=idle
    return
  fi
  sleep "$DRAIN_BLIP_S"
  if ! after=$(peers); then
    state="cannot read the connections"
    return
  fi
  same=0
  for peer in $after; do
    case "
$before
" in *"
$peer
"*) same=$((same + 1)) ;; esac
  done
  if [ "$same" -gt 0 ]; then state="$same connected"; else state=idle; fi
}

start=$(date +%s)
idle=0
last=
say "waiting for the running build, at most $DRAIN_CAP_S s"
while [ "$idle" -lt "$DRAIN_QUIET_POLLS" ]; do
  if [ $(($(date +%s) - start)) -ge "$DRAIN_CAP_S" ]; then
    say "still $last after $DRAIN_CAP_S s: buildkitd finishes what it can on SIGTERM"
    exit 0
  fi
  look
  # Log changes only, not every poll.
  if [ "$state" != "$last" ]; then
    say "$state"
    last=$state
  fi
  if [ "$state" = idle ]; then idle=$((idle + 1)); else idle=0; fi
  if [ "$idle" -lt "$DRAIN_QUIET_POLLS" ]; then sleep "$DRAIN_POLL_S"; fi
done
say "idle for $DRAIN_QUIET_POLLS polls of $DRAIN_POLL_S s: done"
exit 0
