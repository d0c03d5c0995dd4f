#!/bin/sh
# Starts HAProxy with the pod's own DNS server: the first nameserver of resolv.conf, an IPv6 address in brackets.
set -eu

resolv_conf=${RESOLV_CONF:-/etc/resolv.conf}
haproxy_cfg=${HAPROXY_CFG:-/usr/local/etc/haproxy/haproxy.cfg}
address=$(awk '$1 == "nameserver" { print $2; exit }' "$resolv_conf")
case $address in
  "")
    echo "start.sh: no nameserver in $resolv_conf" >&2
    exit 1
    ;;
  *:*) address="[$address]" ;;
esac
DNS_SERVER=$address
export DNS_SERVER

# Two descriptors per connection, and some 150 for listeners, checks and pipes. HAProxy refuses to start with fewer.
# shellcheck disable=SC3045 # POSIX has no -H; dash and busybox have
hard_limit=$(ulimit -Hn)
needed=$(awk '$1 == "maxconn" { print 2 * $2 + 150; exit }' "$haproxy_cfg" 2>/dev/null || true)
if [ "$hard_limit" != unlimited ] && [ "$hard_limit" -lt "${needed:-0}" ]; then
  echo "start.sh: the hard limit of open files is $hard_limit, HAProxy needs $needed: raise LimitNOFILE of the node's container runtime" >&2
fi

# exec: HAProxy is PID 1 and gets the image's stop signal, SIGUSR1: it stops listening and exits after the last build.
exec haproxy -f "$haproxy_cfg"
