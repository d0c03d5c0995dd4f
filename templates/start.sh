#!/bin/sh
# Starts HAProxy with the pod's own DNS server: the first nameserver of resolv.conf, an IPv6 address in brackets.
set -e

# `$` before a brace is for tools that fill in manifests, as Flux does: defaults are set without it.
[ -n "$RESOLV_CONF" ] || RESOLV_CONF=/etc/resolv.conf
[ -n "$HAPROXY_CFG" ] || HAPROXY_CFG=/usr/local/etc/haproxy/haproxy.cfg
set -u

address=$(awk '$1 == "nameserver" { print $2; exit }' "$RESOLV_CONF")
case $address in
  "")
    echo "start.sh: no nameserver in $RESOLV_CONF" >&2
    exit 1
    ;;
  *:*) address="[$address]" ;;
esac
DNS_SERVER=$address
export DNS_SERVER

# Two descriptors per connection, and some 150 for listeners, checks and pipes. HAProxy refuses to start with fewer.
# shellcheck disable=SC3045 # POSIX has no -H; dash and busybox have
hard_limit=$(ulimit -Hn)
needed=$(awk '$1 == "maxconn" { print 2 * $2 + 150; exit }' "$HAPROXY_CFG" 2>/dev/null || true)
[ -n "$needed" ] || needed=0
if [ "$hard_limit" != unlimited ] && [ "$hard_limit" -lt "$needed" ]; then
  echo "start.sh: the hard limit of open files is $hard_limit, HAProxy needs $needed: raise LimitNOFILE of the node's container runtime" >&2
fi

# exec: HAProxy is PID 1 and gets the image's stop signal, SIGUSR1: it stops listening and exits after the last build.
exec haproxy -f "$HAPROXY_CFG"
