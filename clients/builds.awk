#!/usr/bin/awk -f
# From the load balancer's log to the builds that it served, and the pod of each: lines of
# `time client server pod-address waited-s lasted-s`, in the order in which the builds ended.
#
#   kubectl -n buildkit logs POD --timestamps --since=24h | awk -f clients/builds.awk
#
# POD is a load balancer's: while two run, each has builds of its own. A server is a slot, whose address changes as pods
# come and go, also while a build of the pod before still runs in it: so a build's pod is the address that the slot had
# when the build got it, and changes have a time with --timestamps only. An address from before the log began is `?`.
BEGIN {
  split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
  for (place in names) month_of[names[place]] = place + 0
}

# Days since 1970-01-01 of a day of the Gregorian calendar: awk has no function for it that is everywhere.
function days(year, month, day,    era, of_era, of_year) {
  if (month <= 2) year--
  era = int(year / 400)
  of_era = year - era * 400
  of_year = int((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + int(of_era / 4) - int(of_era / 100) + of_year - 719468
}

# 2026-11-25T01:52:13.573123456Z
function seconds(stamp,    part) {
  split(stamp, part, /[-T:Z]/)
  return days(part[1], part[2], part[3]) * 86400 + part[4] * 3600 + part[5] * 60 + part[6]
}

# The address of a slot at this time.
function address(slot, time,    n) {
  for (n = changes[slot]; n > 0 && since[slot, n] > time; n--);
  return n > 0 ? at_that_time[slot, n] : "?"
}

$1 !~ /^[0-9]+-[0-9]+-[0-9]+T[0-9:.]+Z$/ { next }
{ stamped = 1 }

# HAProxy up to 3.1: `bk_amd64/amd1 changed its IP from 10.0.0.1 to 10.0.0.2 by k8s/dns.`; from 3.2 on
# `bk_amd64/amd1: IP changed from '10.0.0.1' to '10.0.0.2' by 'k8s/dns'.`
/ (changed its IP|IP changed) from [^ ]+ to [^ ]+ by / {
  for (word = 2; word <= NF; word++) {
    if ($word ~ /^bk_(amd64|arm64)\//) slot = $word
    if ($word == "to") { new = $(word + 1); break }
  }
  sub(/:$/, "", slot)
  gsub(/'/, "", new)
  n = ++changes[slot]
  since[slot, n] = seconds($1)
  at_that_time[slot, n] = new
  next
}

# client:port [25/Nov/2026:01:52:13.573] frontend backend/server queue/connect/total bytes ...
$3 ~ /^\[[0-9]+\/[A-Z][a-z][a-z]\/[0-9]+:[0-9:.]+\]$/ && $5 ~ /^bk_(amd64|arm64)\/(amd|arm)[0-9]+$/ {
  split(substr($3, 2, length($3) - 2), date, /[\/:]/)
  split($6, timer, "/")
  if (timer[1] < 0 || timer[2] < 0) next
  time = days(date[3], month_of[date[2]], date[1]) * 86400 + date[4] * 3600 + date[5] * 60 + date[6]
  client = $2
  sub(/^::ffff:/, "", client)
  lasted = (timer[3] - timer[1] - timer[2]) / 1000
  printf "%04d-%02d-%02dT%02d:%02d:%02dZ %s %s %s %.0f %.0f\n", date[3], month_of[date[2]], date[1], date[4], date[5], int(date[6]),
    client, $5, address($5, time + (timer[1] + timer[2]) / 1000), timer[1] / 1000, lasted < 0 ? 0 : lasted
}

END {
  if (NR > 0 && !stamped) {
    print "builds.awk: no line has a time: use `kubectl logs --timestamps`" >"/dev/stderr"
    exit 2
  }
}
