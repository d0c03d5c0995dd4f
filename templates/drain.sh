#!/bin/sh
# preStop hook of a builder: returns when no build is connected; only then does the pod stop. Always exits 0. Whatever
# cannot be read or parsed counts as a build. Needs a POSIX shell, awk, sleep and date (busybox has them).

port_hex=${DRAIN_PORT_HEX:-04D2} # 1234, as /proc/net/tcp writes it
poll_s=${DRAIN_POLL_S:-5}
quiet_polls=${DRAIN_QUIET_POLLS:-12} # idle polls in a row: longer than DNS and the load balancer take to drop this pod
blip_s=${DRAIN_BLIP_S:-1}            # a health check has ended by then, a build has not
cap_s=${DRAIN_CAP_S:-7980}           # shorter than terminationGracePeriodSeconds: buildkitd needs time to stop
net=${DRAIN_NET:-/proc/net}
log=${DRAIN_LOG:-/proc/1/fd/1} # the container's stdout

say() {
  # Some runtimes do not let the hook open /proc/1/fd/1; the line then goes to the hook's own output.
  { printf 'drain: %s\n' "$1" >"$log"; } 2>/dev/null || printf 'drain: %s\n' "$1"
}

# Prints the peer address of every established connection to the port. Fails if there is no table to read, if a line
# does not parse, or if nothing listens on the port, since then this is not the table of a builder.
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
  # Log changes only, not every poll.
  if [ "$state" != "$last" ]; then
    say "$state"
    last=$state
  fi
  if [ "$state" = idle ]; then idle=$((idle + 1)); else idle=0; fi
  if [ "$idle" -lt "$quiet_polls" ]; then sleep "$poll_s"; fi
done
say "idle for $quiet_polls polls of $poll_s s: done"
exit 0
