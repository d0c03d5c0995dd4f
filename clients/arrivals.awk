#!/usr/bin/awk -f
# From the load balancer's log to the builds that it served: lines of `start,duration,arch` in seconds, as
# `buildkit-fleet simulate --arrivals` and `recommend` read them.
#
#   kubectl logs -n buildkit deployment/buildkitd-lb --since=168h | awk -f clients/arrivals.awk >week.csv
#
# A build starts when its connection came and lasts for as long as it had its builder. Connections that got none are
# left out: their client came again, and that one counts. Lines that are not of HAProxy's `tcplog` are left out, too.
BEGIN {
  split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
  for (place in names) month_of[names[place]] = place + 0
  print "start,duration,arch"
}

# Days since 1970-01-01 of a day of the Gregorian calendar: awk has no function for it that is everywhere.
function days(year, month, day,    era, of_era, of_year) {
  if (month <= 2) year--
  era = int(year / 400)
  of_era = year - era * 400
  of_year = int((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + int(of_era / 4) - int(of_era / 100) + of_year - 719468
}

# client:port [25/Nov/2026:01:52:13.573] frontend backend/server queue/connect/total bytes ...
{
  for (at = 1; at <= NF && $at !~ /^\[[0-9]+\/[A-Z][a-z][a-z]\/[0-9]+:[0-9:.]+\]$/; at++);
  if (at + 3 > NF || $(at + 2) !~ /^bk_(amd64|arm64)\/(amd|arm)[0-9]+$/ || $(at + 3) !~ /^-?[0-9]+\/-?[0-9]+\/\+?[0-9]+$/) next
  split(substr($at, 2, length($at) - 2), date, /[\/:]/)
  split($(at + 3), timer, "/")
  if (timer[1] < 0 || timer[2] < 0) next
  lasted = (timer[3] - timer[1] - timer[2]) / 1000
  if (lasted < 0) lasted = 0
  split($(at + 2), backend, "/")
  printf "%.3f,%.3f,%s\n", days(date[3], month_of[date[2]], date[1]) * 86400 + date[4] * 3600 + date[5] * 60 + date[6], lasted, substr(backend[1], 4)
}
