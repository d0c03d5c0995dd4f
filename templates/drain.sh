#!/bin/sh
# preStop of a builder: returns once no build is connected, so that the pod goes only then. Always exits 0; whatever
# cannot be read or understood counts as a build. Needs a POSIX shell, awk, sleep and date (busybox has them).

port_hex=${DRAIN_PORT_HEX:-04D2} # 1234, as /proc/net/tcp writes it
poll_s=${DRAIN_POLL_S:-5}
quiet_polls=${DRAIN_QUIET_POLLS:-12} # idle polls in a row: longer than DNS and the load balancer take to let go
blip_s=${DRAIN_BLIP_S:-1}            # a health check is gone by then, a build is not
cap_s=${DRAIN_CAP_S:-7980}           # shorter than terminationGracePeriodSeconds: buildkitd needs time to stop
net=${DRAIN_NET:-/proc/net}
log=${DRAIN_LOG:-/proc/1/fd/1} # the container's stdout

say() {
  # /proc/1/fd/1 cannot be opened in every runtime; then the line goes to the hook's own output.
  { printf 'drain: %s\n' "$1" >"$log"; } 2>/dev/null || printf 'drain: %s\n' "$1"
}

# Prints the far end of every established connection to the port. Fails where it cannot tell: no table to read, a line
# that it does not understand, or no listener, which means that this is not the table of a builder.
peers() {
  set --
  for table in "$net/tcp" "$net/tcp6"; do
    if [ -r "$table" ]; then set -- "$@" "$table"; fi
  done
  [ $# -gt 0 ] || return 1
  awk -v port="$port_hex" '
    FNR == 1 { if ($2 != "local_address") bad = 1; next }
    NF < 4 || $2 !~ /^[0-9A-F]+:[0-9A-F][0-9A-F][0-9A-F][0-9A-F]$/ || $4 !~ /^[0-9A-F][0-9A-F]$/ { bad = 1; next }
    { n = split($2, here, ":") }
    here[n] == port && $4 == "0A" { listening = 1 }
    here[n] == port && $4 == "01" { print $3 }
    END { exit (bad || !listening) }
  ' "$@" 2>/dev/null
}

# Sets `state` to idle, or to what holds the pod.
look() {
  if ! before=$(peers); then
    state="cannot read the connections"
    return
  fi
  if [ -z "$before" ]; then
    state=idle
    return
  fi
  sleep "$blip_s"
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
say "waiting for the running build, at most $cap_s s"
while [ "$idle" -lt "$quiet_polls" ]; do
  if [ $(($(date +%s) - start)) -ge "$cap_s" ]; then
    say "still $last after $cap_s s: buildkitd finishes what it can on SIGTERM"
    exit 0
  fi
  look
  # A line when something changes, not every poll.
  if [ "$state" != "$last" ]; then
    say "$state"
    last=$state
  fi
  if [ "$state" = idle ]; then idle=$((idle + 1)); else idle=0; fi
  if [ "$idle" -lt "$quiet_polls" ]; then sleep "$poll_s"; fi
done
say "idle for $quiet_polls polls of $poll_s s: done"
exit 0
