#!/bin/sh
# Starts HAProxy with the pod's own DNS server: the first nameserver of resolv.conf, an IPv6 address in brackets.
set -eu

resolv_conf=${RESOLV_CONF:-/etc/resolv.conf}
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

# exec: HAProxy is PID 1 and gets the image's stop signal, SIGUSR1: it stops listening and exits after the last build.
exec haproxy -f "${HAPROXY_CFG:-/usr/local/etc/haproxy/haproxy.cfg}"
