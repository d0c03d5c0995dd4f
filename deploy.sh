#!/usr/bin/env bash
# Applies the generated manifests of one cluster in order and waits for the rollouts.
#
#   ./deploy.sh CLUSTER [--context CTX] [--accept-cluster ENTRY] [--dir generated] [--dry-run] [--yes]
#                       [--timeout 45m] [--wait-idle MIN | --force-roll | --cut-builds] [--prune]
#                       [--kustomize DIR [--config clusters.yaml]]
#   ./deploy.sh --hand-over CLUSTER [--field-manager NAME] [--context CTX] [--accept-cluster ENTRY] [--dir generated]
#                       [--dry-run] [--timeout 45m] [--kustomize DIR [--config clusters.yaml]]
#   ./deploy.sh CLUSTER --verify [--smoke ARCH,... | --smoke none] [--smoke-namespace NS] [--smoke-secret NAME]
#                       [--format text|json] [--context CTX] [--accept-cluster ENTRY] [--dir generated]
#                       [--kustomize DIR [--config clusters.yaml]]
#   ./deploy.sh CLUSTER --history [N [--out DIR]] [--format text|json] [--context CTX] [--accept-cluster ENTRY]
#                       [--dir generated | --namespace NS]
#   ./deploy.sh CLUSTER --retire [--context CTX] [--accept-cluster ENTRY] [--dir generated | --namespace NS] [--dry-run] [--yes]
#                       [--timeout 45m] [--wait-idle MIN | --cut-builds]
#
#   --context CTX    kubectl context (default: the current one)
#   --dir DIR        output directory of `buildkit-fleet generate` (default: generated)
#   --dry-run        show what would change, and stop
#   --accept-cluster ENTRY
#                    accept a context whose cluster entry in the kubeconfig is ENTRY, though it does not look like the
#                    EKS cluster and region of the set
#   --yes            do not ask before a first installation
#   --timeout TIME   for each rollout: 90s, 45m, 2h (default: 45m)
#   --wait-idle MIN  before the load balancer or builders roll, wait up to MIN minutes for running builds to finish
#   --force-roll     roll while builds run, if the old pods let them finish
#   --cut-builds     roll while builds run, even if the old pods do not let them finish
#   --prune          delete what an earlier set left behind; by default leftovers are only listed
#   --kustomize DIR  apply what `kubectl kustomize DIR` prints, an overlay whose base is the set, if `buildkit-fleet check`
#                    finds that it still protects builds. Objects are applied in the order of the set, by kind; those that
#                    are not of a fleet after the nodes. The program is $BUILDKIT_FLEET, or buildkit-fleet beside this
#                    script or on the PATH; without --kustomize it is not needed.
#   --config FILE    with --kustomize: what the overlay is checked against (default: clusters.yaml)
#   --hand-over      apply nothing of the set, but do what must be done before something else applies it, such as Argo CD,
#                    Flux or kubectl: adopt what was applied client-side; where a pool is handed to KEDA, let another
#                    manager hold its number of pods, which would become 1; where a pool becomes fixed, pause its
#                    ScaledObject at the number of pods that run and wait until the HPA is gone, which would undo the new
#                    number. Run it with the new set just before that is merged: what applies the old set in between
#                    leaves all of it as it is.
#   --field-manager NAME
#                    with --hand-over: the field manager of what applies next, so that it owns what is adopted:
#                    argocd-controller, kustomize-controller for Flux (default: buildkit-fleet)
#   --verify         change nothing of the fleet, but check it against the set: a table of checks, each `ok`, `failed` or
#                    `not known` with its reason. Other runs end with the same table. What this user may not read is `not
#                    known`. The load balancer is read by `kubectl exec` or `kubectl port-forward`. Then a small build runs
#                    on each architecture as a client would run it: by a Job, in a namespace of clients, which takes up to
#                    5 min and is deleted afterwards. A user that may only read has the checks without builds.
#   --smoke ARCH,... with --verify: the architectures to build on, or none (default: those whose minimum is above 0, since
#                    others may have to start a node for it)
#   --smoke-namespace NS
#                    with --verify: where these Jobs run (default: the first of `client_namespaces`). Their pods satisfy
#                    the restricted Pod Security Standard.
#   --smoke-secret NAME
#                    with --verify: a Secret of that namespace with a client's tls.crt, tls.key and ca.crt. Without it, no
#                    build is tried where builders want certificates.
#   --format FORMAT  with --verify and --history: text or json (default: text)
#   --history [N]    list the last 10 sets that were applied, which each run saves in the fleet's namespace as Secrets
#                    buildkit-fleet-set-N. With a number: write that one out as a set. Rolling back is applying it: it goes
#                    through the same checks as any other set. Without a set in --dir, the fleet is the one of this cluster.
#   --out DIR        with --history N: where the set is written, as DIR/CLUSTER (default: revision-N)
#   --retire         delete the fleet, in an order that kills no build and leaves no node: ScaledObjects while KEDA runs, and
#                    their HPAs; then, when no build is running, builders, each after its build; load balancer, Services;
#                    NodePools when Karpenter has removed their nodes, node classes; policies and configuration, monitoring,
#                    the saved sets; the namespace, if nothing else is in it and deploy.sh made it. What is not of the fleet is
#                    never deleted, nor is a finalizer removed. It asks for the name of the cluster, and needs --yes where it
#                    cannot ask. Run again, it continues. Without a set in --dir, the fleet is the one of this cluster, and
#                    --context must name it. --dry-run lists the steps; --timeout is for each.
#   --namespace NS   with --history and --retire: the fleet in this namespace, whatever is in --dir
#
# Pods of such a set wait for their builds, so a roll cuts none, but it has a cost: while the old load balancer runs, up
# to the length of a build, the new one cannot see its builds and may put a second one on a busy pod; rolling busy
# builders needs up to twice the nodes. So deploy.sh asks on a terminal before it rolls under load, and refuses elsewhere
# without --wait-idle or --force-roll. Pods of other origin may be killed with their builds, after 30 s unless they say
# otherwise: then --force-roll is not enough. The load balancer and the builders never roll in the same run. Where every
# builder refuses a second build itself (`one_build_guard: require`), a roll of the load balancer asks nothing.
#
# Exit codes:
#   0  done, or nothing to do
#   1  kubectl failed
#   2  wrong command line
#   3  refused by a check or on the terminal; nothing was applied
#   4  a roll under load needs a decision; with --retire, so do running builds
#   5  a rollout did not finish in time, or an HPA was not gone in time; with --retire, any object or node
#   6  the load balancer has rolled; the builders, and what follows them, need another run. Or the builders have their
#      guard (`one_build_guard`), and the load balancer needs another run
#   7  with --verify: a check failed
#
# Requires bash 3.2, kubectl 1.28, jq, and sha256sum or shasum; gzip, tar and base64 for --history.
set -uo pipefail

readonly MANAGER=buildkit-fleet
# Owns a Deployment's replicas from the moment our manifest omits them until the HPA's first change.
readonly REPLICAS_MANAGER=buildkit-fleet-replicas
readonly LB=buildkitd-lb
readonly PAUSED=autoscaling.keda.sh/paused-replicas

EXIT_FAILED=1 EXIT_USAGE=2 EXIT_REFUSED=3 EXIT_ROLL=4 EXIT_TIMEOUT=5 EXIT_AGAIN=6 EXIT_CHECK=7

say() { printf '%s\n' "$*" >&2; }

die() {
  local code=$1
  shift
  say "deploy: $*"
  exit "$code"
}

usage() {
  [ $# -eq 0 ] || say "deploy: $*"
  say "usage: ./deploy.sh CLUSTER [--context CTX] [--accept-cluster ENTRY] [--dir DIR] [--dry-run] [--yes] [--timeout 45m]
                   [--wait-idle MIN | --force-roll | --cut-builds] [--prune] [--kustomize DIR [--config FILE]]
       ./deploy.sh --hand-over CLUSTER [--field-manager NAME] [--context CTX] [--accept-cluster ENTRY] [--dir DIR] [--dry-run]
                   [--timeout 45m] [--kustomize DIR [--config FILE]]
       ./deploy.sh CLUSTER --verify [--smoke ARCH,...|none] [--smoke-namespace NS] [--smoke-secret NAME] [--format text|json]
                   [--context CTX] [--accept-cluster ENTRY] [--dir DIR] [--kustomize DIR [--config FILE]]
       ./deploy.sh CLUSTER --history [N [--out DIR]] [--format text|json] [--context CTX] [--accept-cluster ENTRY]
                   [--dir DIR | --namespace NS]
       ./deploy.sh CLUSTER --retire [--context CTX] [--accept-cluster ENTRY] [--dir DIR | --namespace NS] [--dry-run] [--yes]
                   [--timeout 45m] [--wait-idle MIN | --cut-builds]"
  exit "$EXIT_USAGE"
}

# 25 -> 25 s, 2700 -> 45 min, 150 -> 2 min 30 s
length() {
  if [ "$1" -lt 120 ]; then
    echo "$1 s"
  elif [ "$(($1 % 60))" = 0 ]; then
    echo "$(($1 / 60)) min"
  else
    echo "$(($1 / 60)) min $(($1 % 60)) s"
  fi
}

# Seconds of `90`, `90s`, `45m`, `2h`.
seconds() {
  case ${1%[smh]} in "" | 0* | *[!0-9]* | ???????*) return 1 ;; esac
  case $1 in
    *m) echo $((${1%m} * 60)) ;;
    *h) echo $((${1%h} * 3600)) ;;
    *) echo "${1%s}" ;;
  esac
}

cluster='' context='' accepted='' dir=generated dry_run=0 yes=0 timeout_s=2700 wait_idle_s='' force_roll=0 cut_builds=0 prune=0
overlay='' config='' only_hand_over=0 adopter='' only_verify=0 format='' smoke='' smoke_namespace='' smoke_secret=''
only_history=0 revision='' out='' given_namespace='' only_retire=0
while [ $# -gt 0 ]; do
  case $1 in
    --context | --accept-cluster | --dir | --timeout | --wait-idle | --kustomize | --config | --field-manager | --format | \
      --smoke | --smoke-namespace | --smoke-secret | --out | --namespace)
      [ $# -ge 2 ] || usage "$1 needs a value"
      case $1 in
        --context) context=$2 ;;
        --accept-cluster) accepted=$2 ;;
        --dir) dir=$2 ;;
        --kustomize) overlay=$2 ;;
        --config) config=$2 ;;
        --field-manager) adopter=$2 ;;
        --format) format=$2 ;;
        --smoke) smoke=$2 ;;
        --smoke-namespace) smoke_namespace=$2 ;;
        --smoke-secret) smoke_secret=$2 ;;
        --out) out=$2 ;;
        --namespace) given_namespace=$2 ;;
        --timeout) timeout_s=$(seconds "$2") || usage "invalid value \`$2\` for --timeout: expected a length such as 90s, 45m or 2h" ;;
        --wait-idle) wait_idle_s=$(seconds "${2}m") || usage "invalid value \`$2\` for --wait-idle: expected minutes" ;;
      esac
      shift
      ;;
    --hand-over) only_hand_over=1 ;;
    --verify) only_verify=1 ;;
    --retire) only_retire=1 ;;
    --history)
      only_history=1
      case ${2:-} in
        "" | *[!0-9]*) ;;
        0* | ??????????*) usage "invalid value \`$2\` for --history: expected the number of a revision" ;;
        *)
          revision=$2
          shift
          ;;
      esac
      ;;
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --force-roll) force_roll=1 ;;
    --cut-builds) cut_builds=1 ;;
    --prune) prune=1 ;;
    -h | --help)
      sed -n '2,/^set -/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    -*) usage "unknown option \`$1\`" ;;
    *)
      [ -z "$cluster" ] || usage "expected one cluster, found \`$cluster\` and \`$1\`"
      cluster=$1
      ;;
  esac
  shift
done
[ -n "$cluster" ] || usage "no cluster given"
case $cluster in */* | .*) usage "invalid cluster name \`$cluster\`" ;; esac
[ -z "$config" ] || [ -n "$overlay" ] || usage "--config is for --kustomize"
[ -z "$adopter" ] || [ "$only_hand_over" = 1 ] || usage "--field-manager is for --hand-over"
if [ "$only_hand_over" = 1 ] && [ "$wait_idle_s$force_roll$cut_builds$prune" != 000 ]; then
  usage "--hand-over rolls and deletes nothing: --wait-idle, --force-roll, --cut-builds and --prune are not for it"
fi
if [ "$only_verify" = 1 ] && [ "$wait_idle_s$force_roll$cut_builds$prune$only_hand_over$dry_run" != 00000 ]; then
  usage "--verify only reads: --wait-idle, --force-roll, --cut-builds, --prune, --hand-over and --dry-run are not for it"
fi
if [ "$only_history" = 1 ] && [ "$wait_idle_s$force_roll$cut_builds$prune$only_hand_over$only_verify$dry_run$overlay" != 000000 ]; then
  usage "--history only reads: use it with --context, --accept-cluster, --dir, --namespace, --format and --out"
fi
[ -z "$smoke$smoke_namespace$smoke_secret" ] || [ "$only_verify" = 1 ] || usage "--smoke, --smoke-namespace and --smoke-secret are for --verify"
[ -z "$format" ] || { [ "$only_verify$only_history" != 00 ] && [ -z "$revision" ]; } || usage "--format is for --verify, and for --history without a number"
[ -z "$out" ] || [ -n "$revision" ] || usage "--out is for --history N"
[ -z "$given_namespace" ] || [ "$only_history$only_retire" != 00 ] || usage "--namespace is for --history and --retire"
if [ "$only_retire" = 1 ] && [ "$force_roll$prune$only_hand_over$only_verify$only_history$overlay" != 00000 ]; then
  usage "--retire deletes the fleet: --force-roll, --prune, --hand-over, --verify, --history and --kustomize are not for it"
fi
case $given_namespace in *[!a-z0-9-]*) usage "invalid value \`$given_namespace\` for --namespace" ;; esac
case $smoke in "" | none | amd64 | arm64 | amd64,arm64 | arm64,amd64) ;; *) usage "invalid value \`$smoke\` for --smoke: expected none, amd64, arm64 or both with a comma" ;; esac
case ${format:-text} in text | json) ;; *) usage "invalid value \`$format\` for --format: expected text or json" ;; esac
case $adopter in *[!A-Za-z0-9._-]*) usage "invalid value \`$adopter\` for --field-manager" ;; esac
adopter=${adopter:-$MANAGER}
for program in kubectl jq; do
  command -v "$program" >/dev/null || die "$EXIT_REFUSED" "\`$program\` is not installed"
done
# DEPLOY_POLL_S: seconds between two checks of a rollout, for tests.
poll_s=${DEPLOY_POLL_S:-10}

work=$(mktemp -d "${TMPDIR:-/tmp}/deploy.XXXXXX") || die "$EXIT_FAILED" "cannot create a temporary directory"
# The Job of a smoke build that runs, `NAME -n NAMESPACE`.
smoke_job=()
trap 'end_smoke_build; rm -rf "$work"' EXIT
# What was applied so far, for the message of a failure.
applied=''
set_dir=$work/set

# A hanging call must not outlast --timeout or --wait-idle.
kc() { kubectl --context "$context" --request-timeout=60s "$@"; }

# Checks the files of a directory against its SHA256SUMS.
check_sums() (
  cd "$1" || exit 1
  if command -v sha256sum >/dev/null; then sha256sum --strict --check --quiet SHA256SUMS; else shasum -a 256 --strict -c SHA256SUMS; fi
)

# ---------------------------------------------------------------- the set

# Copies the set under its lock and verifies the copy: what is applied is what was checked, even if it is regenerated
# meanwhile.
take_set() {
  local source=$dir/$cluster listed present
  [ -d "$source" ] || die "$EXIT_REFUSED" "$source not found: run \`buildkit-fleet generate $cluster\`"
  if [ -f "$source/.lock" ] && command -v flock >/dev/null; then
    exec 9<"$source/.lock"
    flock -s -w 10 9 || die "$EXIT_REFUSED" "$source is locked by another generate: try again"
  fi
  # Checked under the lock: a set has none while it is written.
  [ -f "$source/SHA256SUMS" ] || die "$EXIT_REFUSED" "$source has no SHA256SUMS, its generation did not finish: run \`buildkit-fleet generate $cluster\`"
  mkdir "$set_dir"
  cp "$source"/SHA256SUMS "$set_dir/" || die "$EXIT_FAILED" "cannot copy $source"
  listed=$(sed 's/^[0-9a-f]*  //' "$source/SHA256SUMS" | LC_ALL=C sort)
  present=$(cd "$source" && for file in *; do [ "$file" = SHA256SUMS ] || echo "$file"; done | LC_ALL=C sort)
  [ "$listed" = "$present" ] ||
    die "$EXIT_REFUSED" "$source and its SHA256SUMS differ (< listed, > present):" \
      "$(diff <(echo "$listed") <(echo "$present") | grep '^[<>]')"
  for file in 00-namespace.yaml 30-lb-deployment.yaml 40-deployments.yaml; do
    grep -qxF "$file" <<<"$listed" || die "$EXIT_REFUSED" "$source is not a set of manifests: it has no $file"
  done
  for file in $listed; do
    # Reading a pipe would block for ever.
    [ -f "$source/$file" ] || die "$EXIT_REFUSED" "$source/$file is not a regular file"
    cp "$source/$file" "$set_dir/$file" || die "$EXIT_FAILED" "cannot copy $source/$file"
  done
  exec 9<&-
  check_sums "$set_dir" >&2 ||
    die "$EXIT_REFUSED" "$source was modified after it was generated: run \`buildkit-fleet generate $cluster\`"
  # For kustomize: no object of the cluster.
  files=$(grep -vxF kustomization.yaml <<<"$listed")
}

has() { [ -f "$set_dir/$1" ]; }

# ---------------------------------------------------------------- an overlay

# Prints the path of the program.
fleet_program() {
  local beside
  beside=$(dirname "$0")/buildkit-fleet
  if [ -n "${BUILDKIT_FLEET:-}" ]; then
    echo "$BUILDKIT_FLEET"
  elif [ -x "$beside" ]; then
    echo "$beside"
  else
    command -v buildkit-fleet
  fi
}

# Replaces the set by what an overlay makes of it, once that is known to protect builds. Its objects are sorted into files
# of the same names, which are then applied, compared and waited for like those of a set.
take_overlay() {
  local program
  program=$(fleet_program) ||
    die "$EXIT_REFUSED" "--kustomize needs the program buildkit-fleet, to check the overlay: put it on the PATH or beside this script, or name it in \$BUILDKIT_FLEET"
  take_set
  mv "$set_dir" "$work/base" || die "$EXIT_FAILED" "cannot move the set"
  kubectl kustomize "$overlay" >"$work/overlay.yaml" 2>"$work/error" ||
    die "$EXIT_REFUSED" "kubectl kustomize $overlay failed: $(tail -n 3 "$work/error")"
  # It was read without the lock.
  cmp -s "$work/base/SHA256SUMS" "$dir/$cluster/SHA256SUMS" ||
    die "$EXIT_REFUSED" "$dir/$cluster was generated again meanwhile: try again"
  "$program" check - --cluster "$cluster" --config "${config:-clusters.yaml}" <"$work/overlay.yaml" >&2 ||
    die "$EXIT_REFUSED" "what \`kubectl kustomize $overlay\` prints was not accepted by \`$program check\`; nothing was applied"
  mkdir "$set_dir"
  sort_by_kind <"$work/overlay.yaml" || die "$EXIT_FAILED" "cannot sort the objects of $overlay"
  for file in 00-namespace.yaml 30-lb-deployment.yaml 40-deployments.yaml; do
    has "$file" || die "$EXIT_REFUSED" "$overlay does not build a fleet: nothing belongs in $file"
  done
  files=$(cd "$set_dir" && for file in *; do echo "$file"; done | LC_ALL=C sort)
}

# Writes each document of kustomize's output, whose kind and name stand at fixed columns, to the file of its kind.
sort_by_kind() {
  LC_ALL=C awk -v dir="$set_dir" '
    function of(kind, name) {
      if (kind == "Namespace" && text ~ /\n +buildkit-fleet\/cluster-name:/) return "00-namespace"
      if (kind == "NodePool" || kind == "EC2NodeClass") return "10-nodepools"
      if (kind == "ConfigMap" && name ~ /^buildkitd-lb-config/) return "21-lb-config"
      if (kind == "ConfigMap" && name == "buildkitd-dashboard") return "61-dashboard"
      if (kind == "ConfigMap" || kind == "ServiceAccount") return "20-buildkitd-config"
      if (kind == "ResourceQuota" || (kind == "Deployment" && name == "buildkitd-lb")) return "30-lb-deployment"
      if (kind == "Service") return "31-services"
      if (kind == "NetworkPolicy") return "32-networkpolicies"
      if (kind == "PodDisruptionBudget") return "33-poddisruptionbudgets"
      if (kind == "Deployment" && name ~ /^buildkitd-(amd64|arm64)$/) return "40-deployments"
      if (kind == "ScaledObject") return "50-scaledobjects"
      if (kind == "ServiceMonitor" || kind == "PrometheusRule") return "60-monitoring"
      return "15-others"
    }
    function flush(    file) {
      if (text ~ /[^ \n]/) {
        file = dir "/" of(kind, name) ".yaml"
        printf "%s%s", (file in seen ? "---\n" : ""), text >>file
        close(file)
        seen[file] = 1
      }
      text = kind = name = block = ""
    }
    /^---/ { flush(); next }
    /^[^ #]/ { block = $1 }
    /^kind: / { kind = $2 }
    block == "metadata:" && /^  name: / { name = $2; gsub(/"/, "", name) }
    { text = text $0 "\n" }
    END { flush() }'
}

# ---------------------------------------------------------------- the cluster

# A value that the set's Namespace is annotated with.
annotation() { sed -n "s|^ *buildkit-fleet/$1: \"\{0,1\}\([^\"]*\)\"\{0,1\}\$|\1|p" "$set_dir/00-namespace.yaml"; }

namespace_of_set() { sed -n 's/^  name: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$set_dir/00-namespace.yaml"; }

# Sets `entry_name` and `entry_region` of a cluster entry in the kubeconfig. A region that cannot be read is empty.
read_entry() {
  local entry=$1 server=$2 rest
  entry_name=${entry##*[/:@]} entry_region=''
  case $entry in
    "$cluster_name") ;;
    # As `aws eks update-kubeconfig` and eksctl name it; the others cannot be EKS, but their names say as much.
    arn:aws*:eks:*:cluster/*) IFS=: read -r _ _ _ entry_region _ <<<"$entry" ;;
    *.*.eksctl.io)
      rest=${entry%.eksctl.io}
      entry_name=${rest%.*} entry_region=${rest##*.}
      ;;
    gke_*_*_*)
      rest=${entry%_*}
      entry_name=${entry##*_} entry_region=${rest##*_}
      ;;
    kind-*) entry_name=${entry#kind-} ;;
    k3d-*) entry_name=${entry#k3d-} ;;
  esac
  [ -z "$entry_region" ] || return 0
  # The address of an EKS API server has the region.
  case $server in
    *.eks.amazonaws.com*) rest=${server%%.eks.amazonaws.com*} ;;
    *.api.aws*) rest=${server%%.api.aws*} ;;
    *) return 0 ;;
  esac
  entry_region=${rest##*.}
}

current_context() {
  if [ -z "$context" ]; then
    context=$(kubectl config current-context) || die "$EXIT_REFUSED" "no current context: use --context"
  fi
}

check_context() {
  current_context
  cluster_name=$(annotation cluster-name) region=$(annotation region)
  # Only a set with NodePools is one for EKS: the cluster of another may have no region.
  if [ -z "$cluster_name" ] || { [ -z "$region" ] && has 10-nodepools.yaml; }; then
    die "$EXIT_REFUSED" "00-namespace.yaml does not name the EKS cluster and its region: run \`buildkit-fleet generate $cluster\`"
  fi
  match_context "these manifests are for"
}

# Refuses a context of another cluster than `cluster_name` in `region`; says what those are of.
match_context() {
  local whose=$1 entry server entry_name entry_region
  kubectl config view -o json >"$work/kubeconfig" || die "$EXIT_REFUSED" "cannot read the kubeconfig"
  entry=$(jq -r --arg context "$context" '.contexts[]? | select(.name == $context) | .context.cluster' "$work/kubeconfig")
  [ -n "$entry" ] || die "$EXIT_REFUSED" "context \`$context\` not found"
  server=$(jq -r --arg entry "$entry" '.clusters[]? | select(.name == $entry) | .cluster.server // ""' "$work/kubeconfig")
  if [ -n "$accepted" ]; then
    [ "$accepted" = "$entry" ] || die "$EXIT_REFUSED" "context $context is cluster $entry, not $accepted as --accept-cluster says"
    return
  fi
  read_entry "$entry" "$server"
  if [ "$entry_name" = "$cluster_name" ] && { [ -z "$region" ] || [ "${entry_region:-$region}" = "$region" ]; }; then return; fi
  case $entry in *"$entry_region"*) entry_region='' ;; esac
  die "$EXIT_REFUSED" "context $context is cluster $entry${entry_region:+ in $entry_region}, but $whose $cluster_name${region:+ in $region}:" \
    "use --context, or name that cluster with --accept-cluster if it is the same one"
}

# The live Namespace says which cluster its fleet was applied for: a name alone may have matched in another region.
check_namespace() {
  local live_name live_region
  kc get namespace "$namespace" --ignore-not-found -o json >"$work/namespace" 2>"$work/error" ||
    die "$EXIT_REFUSED" "cannot read namespace $namespace: $(tail -n 1 "$work/error")"
  first_install=0
  if ! [ -s "$work/namespace" ]; then
    first_install=1
    return
  fi
  live_name=$(jq -r '.metadata.annotations["buildkit-fleet/cluster-name"] // ""' "$work/namespace")
  live_region=$(jq -r '.metadata.annotations["buildkit-fleet/region"] // ""' "$work/namespace")
  if [ -z "$live_name" ] || [ -n "$accepted" ]; then return; fi
  [ "$live_name/$live_region" = "$cluster_name/$region" ] ||
    die "$EXIT_REFUSED" "namespace $namespace on this cluster holds the fleet of $live_name${live_region:+ in $live_region}, but these manifests are for $cluster_name${region:+ in $region}:" \
      "use --context, or name the context's cluster with --accept-cluster if clusters.yaml was wrong before"
}

# Whether the cluster has a custom resource definition, of those in `crds`.
needs() { grep -q "/$1\$" <<<"$crds"; }
karpenter_installed() { needs nodepools.karpenter.sh && needs ec2nodeclasses.karpenter.k8s.aws; }

# Checks for custom resources that the set needs, and for fields that this cluster would silently drop.
preflight() {
  local minor
  kc version -o json >"$work/version" 2>"$work/error" || die "$EXIT_REFUSED" "cannot reach the cluster of context $context: $(tail -n 1 "$work/error")"
  crds=$(kc get crd -o name) || die "$EXIT_REFUSED" "cannot list custom resource definitions"
  if has 10-nodepools.yaml && ! karpenter_installed; then
    die "$EXIT_REFUSED" "Karpenter's custom resource definitions are not installed"
  fi
  if has 50-scaledobjects.yaml; then
    needs scaledobjects.keda.sh || die "$EXIT_REFUSED" "KEDA's custom resource definitions are not installed, but the set scales the fleet with KEDA"
    minor=$(jq -r '.serverVersion.minor | gsub("[^0-9]"; "")' "$work/version")
    kc get crd scaledobjects.keda.sh -o json >"$work/keda" || die "$EXIT_REFUSED" "cannot read KEDA's custom resource definition"
    keda_has() {
      grep -q "$1" "$set_dir/50-scaledobjects.yaml" || return 0
      jq -e "[.spec.versions[]?.schema.openAPIV3Schema | .. | objects | select($2)] != []" "$work/keda" >/dev/null
    }
    keda_has currentReplicasIfHigher '.behavior?.enum? // [] | index("currentReplicasIfHigher")' ||
      die "$EXIT_REFUSED" "KEDA on this cluster does not support \`fallback.behavior\`: correct \`keda.chart_version\` in clusters.yaml"
    keda_has tolerance '.scaleUp?.properties?.tolerance?' ||
      die "$EXIT_REFUSED" "KEDA on this cluster does not support \`scaleUp.tolerance\`: correct \`keda.chart_version\` in clusters.yaml"
    if grep -q 'tolerance: "0"' "$set_dir/50-scaledobjects.yaml" && [ "${minor:-0}" -lt 35 ]; then
      die "$EXIT_REFUSED" "the manifests require Kubernetes 1.35, but this cluster is 1.$minor and would silently drop \`tolerance\`: correct \`eks_version\` in clusters.yaml"
    fi
  fi
  if has 60-monitoring.yaml && ! { needs servicemonitors.monitoring.coreos.com && needs prometheusrules.monitoring.coreos.com; }; then
    say "the Prometheus operator is not installed: skipping 60-monitoring.yaml"
    files=$(grep -v '^60-monitoring' <<<"$files")
  fi
  network_policies
  namespace=$(namespace_of_set)
  check_namespace
}

# EKS accepts NetworkPolicies whether or not anything enforces them.
network_policies() {
  has 32-networkpolicies.yaml || return 0
  if ! kc get daemonsets --all-namespaces -o json >"$work/daemonsets" 2>"$work/error"; then
    say "cannot tell whether NetworkPolicies are enforced: $(tail -n 1 "$work/error")"
    return 0
  fi
  if jq -e '
    (.items | map(select(.metadata.name == "aws-node" and .metadata.namespace == "kube-system"))) as $cni
    | $cni != []
      and ([$cni[].spec.template.spec.containers[].args[]?] | index("--enable-network-policy=true") | not)
      and ([.items[].metadata.name | select(test("^(calico-node|cilium|antrea-agent|kube-router)"))] == [])' "$work/daemonsets" >/dev/null; then
    say "warning: NetworkPolicies have no effect on this cluster, any pod can reach the builders: the VPC CNI (DaemonSet/aws-node) runs without --enable-network-policy=true"
  fi
}

# jq: the objects of a list, or the one object.
readonly ITEMS='if type == "object" and has("items") then .items[] else . end | select(type == "object")'

# Labels of the set's objects, and of no others.
readonly OURS=app.kubernetes.io/part-of=buildkit-fleet,app.kubernetes.io/managed-by=$MANAGER
# jq: whether a Namespace holds a fleet.
readonly IS_FLEET='.metadata.labels["app.kubernetes.io/part-of"] == "buildkit-fleet" and .metadata.annotations["buildkit-fleet/cluster-name"] != null'

# Live objects of a file, as a list, with managedFields. Empty if none exists.
live() { kc get -f "$set_dir/$1" --ignore-not-found --show-managed-fields -o json; }

# Converts the set to JSON, one object per line: once, so that a later failure cannot look like an empty set.
read_set() {
  local file
  mkdir "$work/json"
  for file in $files; do
    if ! kc create --dry-run=client -o json -f "$set_dir/$file" 2>"$work/error" | jq -c "$ITEMS" >"$work/json/$file" ||
      ! [ -s "$work/json/$file" ]; then
      # Kinds that this cluster does not have: a failed check, and no reason not to make the others.
      if [ "$only_verify" = 1 ] && grep -q 'no matches for kind' "$work/error"; then
        rm -f "$work/json/$file"
        continue
      fi
      die "$EXIT_REFUSED" "kubectl cannot read $file: $(tail -n 1 "$work/error")"
    fi
  done
}

desired() { cat "$work/json/$1"; }

# Before anything exists: what will be created, and on a terminal whether it may be.
first_installation() {
  local answer
  say "first installation on the cluster of context $context; this creates:"
  (cd "$work/json" && jq -rn 'reduce inputs as $object ({}; .[input_filename] += [$object.kind + "/" + $object.metadata.name])
    | to_entries[] | "  " + .key + ": " + (.value | join(", "))' -- *) >&2 || die "$EXIT_REFUSED" "cannot list the objects of the set"
  if [ "$dry_run" = 1 ] || [ "$yes" = 1 ] || ! [ -t 0 ]; then return 0; fi
  printf 'Create these objects? [y/N] ' >&2
  read -r answer
  case $answer in y | Y | yes) ;; *) die "$EXIT_REFUSED" "nothing was applied" ;; esac
}

# jq: whether the object was applied client-side and never server-side by us, or client-side again since.
readonly FOREIGN='(.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] != null) and
  (([.metadata.managedFields[]? | select(.manager == "'"$adopter"'" and .operation == "Apply")] == []) or
   ([.metadata.managedFields[]? | select(.manager == "kubectl-client-side-apply")] != []))'
# jq: whether our manager owns the replicas of the main resource.
readonly OWNS_REPLICAS='[.metadata.managedFields[]? | select(.manager == "buildkit-fleet" and .operation == "Apply" and (.subresource // "") == "" and .fieldsV1["f:spec"]["f:replicas"] != null)] != []'

# ---------------------------------------------------------------- what would change

# Sets `changed` to the files that differ from the cluster or whose objects we do not own yet.
compare() {
  local file code foreign
  changed=''
  for file in $files; do
    if [ "$first_install" = 1 ]; then
      changed="$changed $file"
      continue
    fi
    KUBECTL_EXTERNAL_DIFF='' kc diff --server-side --force-conflicts --field-manager="$MANAGER" -f "$set_dir/$file" >"$work/diff" 2>"$work/error"
    code=$?
    foreign=$(live "$file" | jq -r "$ITEMS | select($FOREIGN) | .kind") || die "$EXIT_REFUSED" "cannot read the live objects of $file"
    if [ "$code" = 0 ] && [ -z "$foreign" ]; then continue; fi
    # A client-side applied object may not merge until it is adopted; nothing else may fail here.
    [ "$code" -le 1 ] || [ -n "$foreign" ] || die "$EXIT_REFUSED" "cannot compare $file: $(tail -n 1 "$work/error")"
    changed="$changed $file"
    if [ "$code" -gt 1 ]; then
      say "$file: cannot be compared before its objects are adopted: $(tail -n 1 "$work/error")"
    else
      cat "$work/diff"
    fi
  done
  [ "$first_install" = 0 ] || return 0
  # A diff does not show who owns replicas: if a pool becomes fixed while something else still scales it, the numbers may
  # be equal now.
  case " $changed " in *" 40-deployments.yaml "*) return 0 ;; esac
  local fixed
  fixed=$(desired 40-deployments.yaml | jq -r 'select(.spec.replicas != null) | .metadata.name')
  if [ -z "$fixed" ]; then
    # Nor does it show a number that we still own beside another manager.
    foreign=$(live 40-deployments.yaml | jq -r "$ITEMS | select($OWNS_REPLICAS) | .metadata.name") || die "$EXIT_REFUSED" "cannot read the live Deployments"
    [ -z "$foreign" ] || changed="$changed 40-deployments.yaml"
    return 0
  fi
  foreign=$(live 40-deployments.yaml | jq -r "$ITEMS | select($OWNS_REPLICAS | not) | .metadata.name") || die "$EXIT_REFUSED" "cannot read the live Deployments"
  # Not in a command substitution: a failed read there would only end the subshell, and look like none.
  scaled_objects >"$work/leaving"
  if [ -n "$foreign" ] || [ -s "$work/leaving" ]; then changed="$changed 40-deployments.yaml"; fi
}

# Prints `name hpa` of each live ScaledObject whose pool the set makes fixed.
scaled_objects() {
  needs scaledobjects.keda.sh || return 0
  kc get scaledobjects.keda.sh -n "$namespace" -o json >"$work/scaled" 2>"$work/error" || die "$EXIT_FAILED" "cannot read ScaledObjects: $(tail -n 1 "$work/error"). Applied so far:${applied:- nothing}"
  jq -r --arg fixed "$(desired 40-deployments.yaml | jq -r 'select(.spec.replicas != null) | .metadata.name')" "$ITEMS
    | select(.spec.scaleTargetRef.name as \$target | (\$fixed | split(\"\n\")) | index(\$target))
    | .metadata.name + \" \" + (.status.hpaName // (\"keda-hpa-\" + .metadata.name))" "$work/scaled"
}

# Sets `altered` to the live objects of a file of which applying it would change a part, given as a jq filter. An object
# that cannot merge yet counts; a new one does not.
would_change() {
  local file=$1 parts="[$ITEMS | {key: (.kind + \"/\" + .metadata.name), value: ($2)}] | from_entries"
  altered=''
  case " $changed " in *" $file "*) ;; *) return 0 ;; esac
  live "$file" | jq -cS "$parts" >"$work/before" || die "$EXIT_FAILED" "cannot read the live objects of $file"
  kc apply --server-side --force-conflicts --field-manager="$MANAGER" --dry-run=server -o json -f "$set_dir/$file" 2>/dev/null |
    jq -cS "$parts" >"$work/after" || cp /dev/null "$work/after"
  altered=$(jq -nr --slurpfile before "$work/before" --slurpfile after "$work/after" '
    ($before[0] // {}) as $old | $after[0] as $new
    | [$old | keys[] | . as $key | select($new == null or ($new | has($key)) and $old[$key] != $new[$key])] | join(" ")') ||
    die "$EXIT_FAILED" "cannot compare the live objects of $file"
}

would_roll() {
  would_change "$1" .spec.template
  [ -n "$altered" ]
}

# A pool that may sleep goes to zero at once, past the HPA's window, if KEDA's cooldown is over when it reads no build:
# with a new ScaledObject it is without initialCooldownPeriod, and where min was above zero KEDA counts it from the last
# build that it saw.
sleeping_pools() {
  has 50-scaledobjects.yaml || return 0
  case " $changed " in *" 50-scaledobjects.yaml "*) ;; *) return 0 ;; esac
  desired 50-scaledobjects.yaml | jq -cs 'map(select(.spec.minReplicaCount == 0))' >"$work/sleeping"
  [ "$(cat "$work/sleeping")" != "[]" ] || return 0
  live 50-scaledobjects.yaml | jq -c "[$ITEMS]" >"$work/scaled" || die "$EXIT_REFUSED" "cannot read the live objects of 50-scaledobjects.yaml"
  live 40-deployments.yaml | jq -c "[$ITEMS]" >"$work/pools" || die "$EXIT_REFUSED" "cannot read the live objects of 40-deployments.yaml"
  jq -nr --slurpfile wanted "$work/sleeping" --slurpfile scaled "$work/scaled" --slurpfile pools "$work/pools" '
    $wanted[0][] as $new
    | ([$scaled[0][]? | select(.metadata.name == $new.metadata.name)] | first) as $old
    | ([$pools[0][]? | select(.metadata.name == $new.spec.scaleTargetRef.name) | .spec.replicas // 0] | first // 0) as $pods
    | select($pods > 0)
    | ($new.spec.cooldownPeriod // 300) as $cooldown
    | if $old == null then select(($new.spec.initialCooldownPeriod // 0) == 0) | "a new ScaledObject has no cooldown"
      else select(($old.spec.minReplicaCount // 0) > 0) | $old.status.lastActiveTime as $last
        | if $last == null then "KEDA has seen no build" else select(($last | fromdateiso8601) + $cooldown < now) | "KEDA saw the last build at \($last)" end end
    | "warning: \($new.metadata.name) goes from \($pods) pods to 0 at once when KEDA reads no build, without the \($cooldown / 60 | floor) min of idle time: \(.)"' >&2 ||
    die "$EXIT_REFUSED" "cannot read the live ScaledObjects"
}

# Of an earlier --hand-over that was not followed by its merge: nothing else says that such a pool neither grows nor shrinks.
paused_pools() {
  has 50-scaledobjects.yaml || return 0
  live 50-scaledobjects.yaml | jq -r "$ITEMS | .metadata.annotations[\"$PAUSED\"] as \$pods | select(\$pods != null)
    | \"warning: ScaledObject/\(.metadata.name) is paused at \(\$pods) pods; to scale again: kubectl annotate scaledobject \(.metadata.name) -n $namespace $PAUSED-\"" >&2 ||
    die "$EXIT_REFUSED" "cannot read the live objects of 50-scaledobjects.yaml"
}

# The generator that this one replaces has registries in a ConfigMap of its own, not in clusters.yaml.
lost_registries() {
  kc get configmap buildkitd-config -n "$namespace" --ignore-not-found -o json >"$work/old" 2>"$work/error" ||
    die "$EXIT_REFUSED" "cannot read ConfigMap/buildkitd-config: $(tail -n 1 "$work/error")"
  [ -s "$work/old" ] || return 0
  cat "$work"/json/* | jq -r 'select(.kind == "ConfigMap") | .data["buildkitd.toml"] // empty' | registries >"$work/kept"
  jq -r '.data // {} | .[]' "$work/old" | registries |
    awk -v kept="$work/kept" 'BEGIN { while ((getline line <kept) > 0) has[line] = 1 } !($0 in has)' >"$work/lost"
  [ -s "$work/lost" ] || return 0
  say "warning: ConfigMap/buildkitd-config has registries that this set does not; to keep them, add to buildkit in clusters.yaml:"
  awk '
    $1 == "mirrors" { if (!($2 in mirrors)) order[++n] = $2; mirrors[$2] = mirrors[$2] (mirrors[$2] == "" ? "" : ", ") $3 }
    $1 == "http" { http = http (http == "" ? "" : ", ") $2 }
    $1 == "insecure" { insecure = insecure "        " $2 ": {insecure: true}\n" }
    END {
      if (n) print "  registry_mirrors:"
      for (i = 1; i <= n; i++) print "    " order[i] ": [" mirrors[order[i]] "]"
      if (http != "") print "  http_registries: [" http "]"
      if (insecure != "") printf "  builder:\n    toml:\n      registry:\n%s", insecure
    }' "$work/lost" >&2
}

# `mirrors HOST MIRROR`, `http HOST` and `insecure HOST` of each registry in a buildkitd.toml.
registries() {
  awk '
    { sub(/^[ \t]+/, ""); gsub(/\047/, "\"") }
    /^#/ { next }
    /^\[/ && !list { host = ""; if (/^\[ *registry\./) { host = $0; sub(/^\[ *registry\.[ "]*/, "", host); sub(/["\]].*$/, "", host) } next }
    host != "" && /^mirrors[ \t]*=/ { list = 1 }
    list {
      rest = $0
      while (match(rest, /"[^"]*"/)) { print "mirrors", host, substr(rest, RSTART + 1, RLENGTH - 2); rest = substr(rest, RSTART + RLENGTH) }
      if (/\]/) list = 0
      next
    }
    host != "" && /^(http|insecure)[ \t]*=[ \t]*true/ { sub(/[ \t=].*/, ""); print $0, host }'
}

readonly SESSIONS_PATH='/metrics?scope=backend&metrics=haproxy_backend_current_sessions'

# Prints what a server on a local port answers, with its headers. Needs no curl or wget: bash connects by itself.
http_get() (
  local line
  exec 5<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&5
  while IFS= read -r -t 10 line <&5; do printf '%s\n' "$line"; done
)

# Prints the body of an answer. HAProxy sends it in chunks, which may split a line; fails if the last one is missing.
http_body() {
  LC_ALL=C awk '
    function hex(digits,    value, i) {
      for (i = 1; i <= length(digits); i++) value = value * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
      return value
    }
    !body {
      sub(/\r$/, "")
      if (tolower($0) ~ /^transfer-encoding:.*chunked/) chunked = 1
      if ($0 == "") body = 1
      next
    }
    { text = text $0 "\n" }
    END {
      if (!chunked) { printf "%s", text; exit !body }
      while (!whole && match(text, /^[0-9A-Fa-f]+/)) {
        size = hex(substr(text, 1, RLENGTH))
        text = substr(text, index(text, "\n") + 1)
        printf "%s", substr(text, 1, size)
        text = substr(text, size + 3)
        whole = size == 0
      }
      exit !whole
    }'
}

# The metrics of a load balancer's pod through a forwarded port, for an image that has no wget.
forwarded_page() {
  local pod=$1 path=$2 pid port='' tries=0 code
  # Not through kc: the process id must be kubectl's own.
  kubectl --context "$context" port-forward "pod/$pod" -n "$namespace" --address 127.0.0.1 :9404 </dev/null >"$work/forward" 2>"$work/forward-error" &
  pid=$!
  while [ -z "$port" ] && [ "$tries" -lt 100 ] && kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
    port=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$work/forward" | head -n 1)
  done
  [ -n "$port" ] && http_get "$port" "$path" 2>/dev/null | http_body
  code=$?
  kill "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  return "$code"
}

# Prints a page of metrics of a load balancer's pod, or nothing: then $work/error and $work/forward-error have the reasons.
# 127.0.0.1: `localhost` may resolve to ::1 alone, and the load balancer of an IPv4 fleet does not listen there.
lb_page() {
  : >"$work/forward-error"
  kc exec "$1" -n "$namespace" -c haproxy -- wget -q -T 5 -O - "http://127.0.0.1:9404$2" </dev/null 2>"$work/error" || forwarded_page "$1" "$2"
}

# Sets `builds` to the number of running and waiting builds as the load balancer counts them, or leaves it empty and sets
# `builds_unknown` to the reasons. Each of its pods is read from inside: NetworkPolicies block the API server. A
# terminating pod may still have builds but no longer serves metrics: then the number is unknown.
count_builds() {
  local pods pod sum
  builds='' builds_unknown=''
  if ! kc get pods -n "$namespace" -l "app=$LB" -o json >"$work/pods" 2>"$work/error"; then
    builds_unknown="pods: $(tail -n 1 "$work/error")"
    return
  fi
  pods=$(jq -r '.items[].metadata.name' "$work/pods")
  if [ -z "$pods" ]; then
    builds_unknown="no pod of $LB"
    return
  fi
  sum=0
  for pod in $pods; do
    lb_page "$pod" "$SESSIONS_PATH" >"$work/page" || : >"$work/page"
    if ! grep -q '^haproxy_backend_current_sessions[{]proxy="bk_' "$work/page"; then
      builds_unknown="$builds_unknown${builds_unknown:+; }$pod: exec: $(head -n 1 "$work/error"), port-forward: $(head -n 1 "$work/forward-error")"
      continue
    fi
    sum=$((sum + $(awk '/^haproxy_backend_current_sessions[{]proxy="bk_/ { sum += $2 } END { print sum + 0 }' "$work/page")))
  done
  [ -n "$builds_unknown" ] || builds=$sum
}

# What is known of the builds, for a message.
builds_text() {
  case $builds/$builds_unknown in
    1/*) echo "1 build is running or waiting" ;;
    /*Forbidden*) echo "builds cannot be counted: $builds_unknown" ;;
    /*) echo "an unknown number of builds are running or waiting ($builds_unknown)" ;;
    *) echo "$builds builds are running or waiting" ;;
  esac
}

# Sets `cut` to what a roll does to running builds if old pods do not let them finish, as those of the reference, which
# stop after 30 s. `cut` is empty if they do: pods that wait for their build, and for as long as the load balancer lets
# one run.
what_is_cut() {
  local app=$1 longest
  longest=$(cat "$work"/json/* | jq -rs 'map(select(.kind == "ConfigMap") | .data["haproxy.cfg"] // empty) | first // ""
    | capture("timeout server (?<minutes>[0-9]+)m").minutes | tonumber * 60') || die "$EXIT_REFUSED" "cannot read the longest build from haproxy.cfg"
  kc get pods -n "$namespace" -l "app=$app" -o json >"$work/pods" 2>"$work/error" ||
    die "$EXIT_REFUSED" "cannot read the pods of $app: $(tail -n 1 "$work/error"). Applied so far:${applied:- nothing}"
  cut=$(jq -r --argjson longest "$longest" --arg app "$app" '
    [.items[] | select(.metadata.deletionTimestamp == null) | {
      grace: (.spec.terminationGracePeriodSeconds // 30),
      drains: ($app != "buildkitd" or any(.spec.containers[]?; .lifecycle.preStop.exec.command // [] | join(" ") | contains("drain.sh")))
    }] as $pods
    | [$pods[] | select(.grace < $longest or (.drains | not))] as $bad
    | ($bad | map(.grace) | min) as $grace
    | if $bad == [] then ""
      elif $grace < $longest then "\($bad | length) of \($pods | length) pods are killed \($grace) s after they are replaced, with the builds that still run"
      else "\($bad | length) of \($pods | length) pods have no drain.sh and do not wait for their builds" end' "$work/pods") ||
    die "$EXIT_REFUSED" "cannot read the pods of $app"
}

# ---------------------------------------------------------------- builders that refuse a second build (`one_build_guard`)

readonly HAS_GUARD='.metadata.labels["buildkit-fleet/one-build"] == "guarded"' # of a pod, or of a template of pods
readonly IS_GUARDED=".spec.template$HAS_GUARD"

# Whether the load balancer of the set goes by what builders say of themselves.
set_is_guarded() { desired 40-deployments.yaml | jq -es "any($IS_GUARDED)" >/dev/null; }

# Prints how many builders, of those that do not stop, match a jq filter. No load balancer of such a set finds those that
# stop without a guard.
count_builders() {
  kc get pods -n "$namespace" -l app=buildkitd -o json >"$work/pods" 2>"$work/error" || return 1
  jq "[.items[] | select(.metadata.deletionTimestamp == null) | select($1)] | length" "$work/pods" 2>"$work/error"
}

# Whether builders must get their guard before the load balancer rolls: it finds no others.
guard_comes_first() {
  local without
  set_is_guarded || return 1
  without=$(live 40-deployments.yaml | jq "[$ITEMS | select($IS_GUARDED | not)] | length") ||
    die "$EXIT_REFUSED" "cannot read the live Deployments"
  [ "$without" = 0 ] || return 0
  without=$(count_builders "$HAS_GUARD | not") ||
    die "$EXIT_REFUSED" "cannot read the pods of buildkitd: $(tail -n 1 "$work/error")"
  [ "$without" != 0 ]
}

# Whether builds stay apart while the load balancer rolls: every builder that runs has a guard, whose container ended well.
guard_holds() {
  local without
  set_is_guarded || return 1
  without=$(count_builders "($HAS_GUARD | not)"'
    or (any(.status.containerStatuses[]?; .state.running != null)
      and all(.status.initContainerStatuses[]?; .name != "one-build-guard" or .state.terminated.exitCode != 0))') || return 1
  [ "$without" = 0 ]
}

# Returns if the fleet is idle or the roll was allowed by an option or on the terminal; exits otherwise.
before_roll() {
  local what=$1 app=$2 until
  what_is_cut "$app"
  count_builds
  say "$what roll: $(builds_text)"
  [ "$builds" != 0 ] || return 0
  if [ -n "$cut" ]; then say "warning: running builds are cut: $cut"; fi
  if [ "$app" = "$LB" ] && [ -z "$cut" ] && guard_holds; then
    say "every builder refuses a second build: none is put on a busy pod while the load balancer rolls"
    return 0
  fi
  if [ -n "$wait_idle_s" ]; then
    until=$(($(date +%s) + wait_idle_s))
    while [ "$(date +%s)" -lt "$until" ]; do
      sleep "$poll_s"
      count_builds
      [ "$builds" != 0 ] || return 0
      say "waiting for idle: $(builds_text)"
    done
    die "$EXIT_ROLL" "not idle after $(length "$wait_idle_s"). Applied so far:${applied:- nothing}. Try again later, or use $(if [ -n "$cut" ]; then echo --cut-builds; else echo --force-roll; fi)"
  fi
  [ "$cut_builds" = 0 ] || return 0
  if [ -n "$cut" ]; then
    if [ -t 0 ]; then
      printf 'Roll now and cut running builds? Type "cut" to do it: ' >&2
      read -r answer
      [ "$answer" != cut ] || return 0
    fi
    die "$EXIT_ROLL" "rolling cuts running builds: use --wait-idle MIN, or --cut-builds to roll anyway. Applied so far:${applied:- nothing}"
  fi
  [ "$force_roll" = 0 ] || return 0
  if [ -t 0 ]; then
    printf 'Roll now? Builds are not cut; see --help for the cost. [y/N] ' >&2
    read -r answer
    case $answer in y | Y | yes) return 0 ;; esac
  fi
  die "$EXIT_ROLL" "rolling under load needs --wait-idle MIN or --force-roll. Applied so far:${applied:- nothing}"
}

# ---------------------------------------------------------------- applying

failed() {
  say "deploy: $1 failed: $(tail -n 3 "$work/error")"
  say "applied:${applied:- nothing}"
  say "not applied: $2 and the files after it. Fix the cause and run again: it continues from there."
  exit "$EXIT_FAILED"
}

server_side() { kc apply --server-side --force-conflicts --field-manager="$1" -f "$2" 2>"$work/error" >"$work/out"; }

# Takes over client-side applied objects without changing them: applies the last applied configuration again with our
# manager and the live number of replicas.
adopt() {
  local file=$1 object
  live "$file" | jq -c "$ITEMS | select($FOREIGN) | .spec.replicas as \$replicas
    | .metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"] | fromjson
    | if .spec.replicas? != null and \$replicas != null then .spec.replicas = \$replicas else . end" >"$work/adopt" || failed "reading $file" "$file"
  while IFS= read -r object; do
    echo "$object" >"$work/object.json"
    server_side "$adopter" "$work/object.json" || failed "adopting $(jq -r '.kind + "/" + .metadata.name' "$work/object.json")" "$file"
  done <"$work/adopt"
}

# Before our manifest omits replicas, another manager takes over the live number: without an owner it would become 1. The
# jq filter says of which Deployments.
hand_over() {
  local file=$1 owned=$2 names object
  names=$(desired "$file" | jq -r 'select(.kind == "Deployment" and .spec.replicas == null) | .metadata.name') || failed "reading $file" "$file"
  [ -n "$names" ] || return 0
  live "$file" | jq -c --arg names "$names" "$ITEMS | select(.metadata.name as \$name | (\$names | split(\"\n\")) | index(\$name)) | select($owned)
    | {apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace}, spec: {replicas: .spec.replicas}}" >"$work/handover" || failed "reading $file" "$file"
  while IFS= read -r object; do
    echo "$object" >"$work/object.json"
    server_side "$REPLICAS_MANAGER" "$work/object.json" || failed "handing over the replicas of $(jq -r .metadata.name "$work/object.json")" "$file"
  done <"$work/handover"
}

apply_file() {
  local file=$1
  case " $changed " in *" $file "*) ;; *) return 0 ;; esac
  adopt "$file"
  if [ "$file" = 40-deployments.yaml ]; then hand_over "$file" "$OWNS_REPLICAS"; fi
  server_side "$MANAGER" "$set_dir/$file" || failed "applying $file" "$file"
  applied="$applied $file"
  say "applied $file"
}

# For pools that become fixed while KEDA still scales them: deletes the ScaledObject and waits for its HPA to be deleted;
# only then can we own replicas again. Also waits if an earlier run deleted the ScaledObject.
leave_keda() {
  local name hpa
  scaled_objects >"$work/leaving"
  while read -r name hpa <&7; do
    say "deleting ScaledObject/$name: the pool becomes fixed"
    kc delete scaledobjects.keda.sh "$name" -n "$namespace" --timeout=60s >"$work/out" 2>"$work/error" || failed "deleting ScaledObject/$name" 40-deployments.yaml
    applied="$applied -ScaledObject/$name"
  done 7<"$work/leaving"
  {
    cut -d' ' -f2 "$work/leaving"
    desired 40-deployments.yaml | jq -r 'select(.spec.replicas != null) | "keda-hpa-" + .metadata.name'
  } | LC_ALL=C sort -u >"$work/hpas"
  while read -r hpa <&7; do
    kc wait --for=delete "hpa/$hpa" -n "$namespace" --timeout=60s >"$work/out" 2>"$work/error" || failed "waiting for the deletion of hpa/$hpa" 40-deployments.yaml
  done 7<"$work/hpas"
}

# ---------------------------------------------------------------- handing over to others

# jq: whether others own the replicas of the main resource, and not yet the second manager.
readonly OTHERS_OWN_REPLICAS='[.metadata.managedFields[]? | select((.subresource // "") == "" and .fieldsV1["f:spec"]["f:replicas"] != null) | .manager] | . != [] and (index("buildkit-fleet-replicas") | not)'
# jq: whether a client-side apply without replicas would take them away, whoever owns them: it compares with this annotation.
readonly APPLIED_REPLICAS='(.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] // "{}" | fromjson | .spec.replicas) != null'

# Prints what is to be done, one thing a line.
to_hand_over() {
  local file
  for file in $files; do
    live "$file" | jq -r "$ITEMS | select($FOREIGN) | \"adopt \" + .kind + \"/\" + .metadata.name" || failed "reading $file" "nothing"
  done
  live 40-deployments.yaml | jq -r --arg names "$(scaled_pools)" "$ITEMS | select(.metadata.name as \$name | (\$names | split(\"\n\")) | index(\$name))
    | select(($OTHERS_OWN_REPLICAS) or ($APPLIED_REPLICAS)) | \"hold \(.spec.replicas) replicas of Deployment/\" + .metadata.name" || failed "reading 40-deployments.yaml" "nothing"
  sed 's|^\([^ ]*\) .*|pause ScaledObject/\1|' "$work/leaving"
}

# The Deployments whose replicas the set leaves to KEDA.
scaled_pools() { desired 40-deployments.yaml | jq -r 'select(.spec.replicas == null) | .metadata.name'; }

# Takes replicas out of what a client-side apply compares with: otherwise it removes a field that it has and the new
# manifest has not, and the number becomes 1.
forget_applied_replicas() {
  local object
  live 40-deployments.yaml | jq -c --arg names "$(scaled_pools)" "$ITEMS | select(.metadata.name as \$name | (\$names | split(\"\n\")) | index(\$name))
    | select($APPLIED_REPLICAS) | .metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"] | fromjson | del(.spec.replicas)" >"$work/applied" ||
    failed "reading 40-deployments.yaml" "nothing"
  while IFS= read -r object; do
    echo "$object" >"$work/object.json"
    kc apply set-last-applied -f "$work/object.json" >"$work/out" 2>"$work/error" || failed "changing what was last applied of $(jq -r '.kind + "/" + .metadata.name' "$work/object.json")" "nothing"
  done <"$work/applied"
}

# Pauses a ScaledObject at the number of pods that its pool has now, and sets `paused` to it. The annotation is owned by a
# manager of its own: an apply of the old manifest by anybody leaves it there. KEDA deletes the HPA of a paused one.
pause() {
  local name=$1 target replicas
  target=$(jq -r --arg name "$name" "$ITEMS | select(.metadata.name == \$name) | .spec.scaleTargetRef.name" "$work/scaled")
  kc get deployment "$target" -n "$namespace" -o json >"$work/deployment" 2>"$work/error" || failed "reading Deployment/$target" "nothing"
  replicas=$(jq -r '.spec.replicas' "$work/deployment")
  [ "$replicas" != "$paused" ] || return 0
  jq -c --arg name "$name" --arg replicas "$replicas" "$ITEMS | select(.metadata.name == \$name)
    | {apiVersion, kind, metadata: {name: \$name, namespace: .metadata.namespace, annotations: {\"$PAUSED\": \$replicas}}}" "$work/scaled" >"$work/object.json"
  server_side "$REPLICAS_MANAGER" "$work/object.json" || failed "pausing ScaledObject/$name" "nothing"
  paused=$replicas
  say "paused ScaledObject/$name at $paused pods"
}

# Does what must precede an apply by somebody else, whatever its field manager, and nothing more.
hand_over_to_others() {
  local file name hpa paused
  if [ "$first_install" = 1 ]; then
    say "$cluster: namespace $namespace does not exist yet: there is nothing to hand over"
    return 0
  fi
  scaled_objects >"$work/leaving"
  to_hand_over >"$work/to-do"
  if ! [ -s "$work/to-do" ]; then
    say "$cluster: nothing to hand over: the new set can be applied"
    return 0
  fi
  say "to hand over:"
  sed 's/^/  /' "$work/to-do" >&2
  if [ "$dry_run" = 1 ]; then return 0; fi
  for file in $files; do adopt "$file"; done
  hand_over 40-deployments.yaml "$OTHERS_OWN_REPLICAS"
  forget_applied_replicas
  while read -r name hpa <&7; do
    paused=''
    pause "$name"
    if ! kc wait --for=delete "hpa/$hpa" -n "$namespace" --timeout="${timeout_s}s" >"$work/out" 2>"$work/error"; then
      grep -q 'timed out' "$work/error" || failed "waiting for the deletion of hpa/$hpa" "nothing"
      die "$EXIT_TIMEOUT" "hpa/$hpa is still there after $(length "$timeout_s"), and would undo the new number of pods: does KEDA's operator run?"
    fi
    # The HPA may have moved the pool between the two calls.
    pause "$name"
  done 7<"$work/leaving"
  say "$cluster: handed over; now merge the new set, or sync it"
  if [ -s "$work/leaving" ]; then
    say "pools of paused ScaledObjects neither grow nor shrink until then. To take it back: kubectl annotate scaledobject NAME -n $namespace $PAUSED-"
  fi
}

# ---------------------------------------------------------------- waiting

# Label selector of the Deployment that was read last.
selector() { jq -r '.spec.selector.matchLabels | to_entries | map(.key + "=" + .value) | join(",")' "$work/deployment"; }

# Prints `ready/total ready, n current, n draining` of a Deployment; fails until its rollout is complete.
progress() {
  local name=$1 draining
  kc get deployment "$name" -n "$namespace" -o json >"$work/deployment" || return 1
  draining=$(kc get pods -n "$namespace" -l "$(selector)" -o json |
    jq '[.items[] | select(.metadata.deletionTimestamp != null)] | length')
  jq -r --arg draining "$draining" '"\(.status.readyReplicas // 0)/\(.spec.replicas) ready, \(.status.updatedReplicas // 0) current, \($draining) draining"' "$work/deployment"
  complete
}

# Whether the Deployment that was read last has its current pods, all available, and no old one that still serves.
complete() {
  jq -e '(.status.observedGeneration // 0) >= (.metadata.generation // 0) and (.status.updatedReplicas // 0) >= .spec.replicas
    and (.status.availableReplicas // 0) >= .spec.replicas and (.status.replicas // 0) <= (.status.updatedReplicas // 0)' "$work/deployment" >/dev/null
}

# Whether a Deployment exists whose rollout is not complete.
rollout_unfinished() {
  kc get deployment "$1" -n "$namespace" --ignore-not-found -o json >"$work/deployment" 2>"$work/error" ||
    die "$EXIT_REFUSED" "cannot read Deployment/$1: $(tail -n 1 "$work/error")"
  [ -s "$work/deployment" ] && ! complete
}

# Waits for the rollouts of these Deployments, side by side: one without nodes must not hide the others.
wait_for() {
  local until name line left=$1 unready
  until=$(($(date +%s) + timeout_s))
  while :; do
    unready=''
    for name in $left; do
      if line=$(progress "$name"); then
        say "$name: $line"
        continue
      fi
      unready="$unready $name"
      if [ "$line" != "$(cat "$work/line-$name" 2>/dev/null)" ]; then
        say "$name: $line"
        echo "$line" >"$work/line-$name"
      fi
    done
    left=$unready
    [ -n "$left" ] || return 0
    if [ "$(date +%s)" -ge "$until" ]; then break; fi
    sleep "$poll_s"
  done
  for name in $left; do
    say "deploy: $name is not ready after $(length "$timeout_s"): $(cat "$work/line-$name")"
    why_not "$name"
  done
  say "applied:${applied:- nothing}. Run again: it continues from there."
  exit "$EXIT_TIMEOUT"
}

# Prints why a Deployment is not ready: its conditions, which alone tell where no pod can be created, and the pods that
# are not ready, each with its reason and last event. These are never deleted to speed up a rollout: that would cut builds.
why_not() {
  kc get deployment "$1" -n "$namespace" -o json >"$work/deployment" || return 0
  jq -r '.status.conditions[]? | select((.type == "ReplicaFailure") == (.status == "True")) | "  \(.type) \(.status): \(.reason // ""): \(.message // "")"' "$work/deployment" >&2
  kc get pods -n "$namespace" -l "$(selector)" -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null)
    | select([.status.conditions[]? | select(.type == "Ready" and .status == "True")] == [])
    | .metadata.name + "\t" + (.status.phase // "Unknown") + "\t" + ([.status.containerStatuses[]? | .state.waiting.reason // empty]
      + [.status.conditions[]? | select(.status != "True") | .message // .reason // empty] | first // "")' | head -n 20 |
    while IFS=$'\t' read -r pod phase reason; do
      say "  $pod $phase ${reason}"
      kc get events -n "$namespace" --field-selector "involvedObject.name=$pod" -o json |
        jq -r '.items | sort_by(.series.lastObservedTime // .eventTime // .lastTimestamp // .metadata.creationTimestamp // "") | last // empty | "    last event: " + .reason + ": " + .message' >&2
    done
}

# ---------------------------------------------------------------- leftovers

# ConfigMaps that pods mount. Each change makes new ones: a hash of the content is in the name, or not yet, up to 0.1.
CONFIGS='(buildkitd-config-(amd64|arm64)|buildkitd-drain|buildkitd-lb-config)(-[0-9a-f]{10})?'

# Deletes the versions of these ConfigMaps that nothing uses any more. The newest earlier one stays, for `kubectl rollout
# undo`, and so does what a pod mounts or a ReplicaSet with pods would mount: a pod that restarts reads it again.
tidy_configs() {
  local name
  {
    kc get configmaps -n "$namespace" -l "app.kubernetes.io/managed-by=$MANAGER" -o json >"$work/configs" &&
      kc get pods -n "$namespace" -o json >"$work/pods" &&
      kc get replicasets.apps -n "$namespace" -o json >"$work/replicasets"
  } 2>"$work/error" || {
    say "unused ConfigMaps are not deleted: $(tail -n 1 "$work/error")"
    return 0
  }
  cat "$work"/json/* | jq -s 'map(select(.kind == "ConfigMap") | .metadata.name)' >"$work/current"
  jq -r --arg configs "^$CONFIGS\$" --slurpfile current "$work/current" --slurpfile pods "$work/pods" --slurpfile sets "$work/replicasets" '
    [($pods[0].items[].spec, ($sets[0].items[] | select(.spec.replicas > 0) | .spec.template.spec)) | .volumes[]?.configMap.name // empty] as $used
    | [.items[].metadata | select(.name | test($configs))]
    | group_by(.name | sub("-[0-9a-f]{10}$"; ""))[]
    | map(select(.name | IN($current[0][]) | not)) | sort_by(.creationTimestamp) | reverse | .[1:][].name
    | select(IN($used[]) | not)' "$work/configs" >"$work/unused" || return 0
  while read -r name <&8; do
    kc delete configmap "$name" -n "$namespace" --wait=false >/dev/null 2>"$work/error" || say "cannot delete ConfigMap/$name: $(tail -n 1 "$work/error")"
  done 8<"$work/unused"
}

# Prints `kind name` of each object left behind by an earlier set, ours or the reference's, in a safe order of deletion.
leftovers() {
  cat "$work"/json/* | jq -r '.kind + " " + .metadata.name' >"$work/wanted"
  {
    # Custom resources that may not be installed.
    kc get scaledobjects.keda.sh -n "$namespace" -l "app.kubernetes.io/managed-by=$MANAGER" --ignore-not-found -o json 2>/dev/null || true
    kc get servicemonitors.monitoring.coreos.com,prometheusrules.monitoring.coreos.com -n "$namespace" -l "app.kubernetes.io/managed-by=$MANAGER" --ignore-not-found -o json 2>/dev/null || true
    kc get deployments,poddisruptionbudgets,services,configmaps,networkpolicies,resourcequotas,serviceaccounts -n "$namespace" -l "app.kubernetes.io/managed-by=$MANAGER" --ignore-not-found -o json
    # Asked for only where they are installed, so that an error is still shown.
    if karpenter_installed; then
      kc get nodepools.karpenter.sh,ec2nodeclasses.karpenter.k8s.aws -l "app.kubernetes.io/managed-by=$MANAGER" --ignore-not-found -o json
    fi
    # Names used by the generator that this one replaces.
    kc get service/buildkitd-pods configmap/buildkitd-config -n "$namespace" --ignore-not-found -o json
    if karpenter_installed; then
      kc get nodepools.karpenter.sh/buildkit-amd64 nodepools.karpenter.sh/buildkit-arm64 --ignore-not-found -o json
    fi
  } | jq -r "$ITEMS | .kind + \" \" + .metadata.name" | LC_ALL=C sort -u | grep -vxF -f "$work/wanted" | grep -vE "^ConfigMap $CONFIGS\$" |
    awk 'BEGIN { n = split("ScaledObject ServiceMonitor PrometheusRule Deployment PodDisruptionBudget NetworkPolicy Service ConfigMap ResourceQuota ServiceAccount NodePool EC2NodeClass", kinds, " ")
           for (i = 1; i <= n; i++) rank[kinds[i]] = i }
         $1 in rank { print rank[$1], $0 }' | sort -n | cut -d' ' -f2-
}

resource() {
  case $1 in
    ScaledObject) echo scaledobjects.keda.sh ;;
    ServiceMonitor) echo servicemonitors.monitoring.coreos.com ;;
    PrometheusRule) echo prometheusrules.monitoring.coreos.com ;;
    NodePool) echo nodepools.karpenter.sh ;;
    EC2NodeClass) echo ec2nodeclasses.karpenter.k8s.aws ;;
    *) echo "$1" | tr '[:upper:]' '[:lower:]' ;;
  esac
}

# Deleting a NodePool drains its nodes, so one that has nodes is kept; deleting a Deployment lets each pod finish its
# build.
handle_leftovers() {
  local kind name nodes scope draining mounted
  leftovers >"$work/leftovers"
  [ -s "$work/leftovers" ] || return 0
  if [ "$prune" = 0 ] || [ "$dry_run" = 1 ]; then
    say "left behind by an earlier set; --prune deletes those not in use:"
    sed 's/^/  /' "$work/leftovers" >&2
    return 0
  fi
  kc get pods -n "$namespace" -o json >"$work/pods" 2>"$work/error" || failed "reading pods" "nothing"
  draining=$(jq '[.items[] | select(.metadata.deletionTimestamp != null and (.metadata.labels.app // "" | startswith("buildkitd")))] | length' "$work/pods")
  while read -r kind name <&8; do
    scope=(-n "$namespace")
    case $kind in
      NodePool)
        # A node that is being launched has a NodeClaim but no Node yet.
        kc get nodes,nodeclaims.karpenter.sh -l "karpenter.sh/nodepool=$name" -o name >"$work/nodes" 2>"$work/error" || failed "reading the nodes of $name" "nothing"
        nodes=$(grep -c . "$work/nodes")
        if [ "$nodes" != 0 ]; then
          say "kept NodePool/$name: deleting it would drain its nodes ($nodes nodes and NodeClaims)"
          continue
        fi
        scope=()
        ;;
      EC2NodeClass)
        kc get nodepools.karpenter.sh -o json >"$work/nodes" 2>"$work/error" || failed "reading NodePools" "nothing"
        nodes=$(jq --arg name "$name" "[$ITEMS | select(.spec.template.spec.nodeClassRef.name == \$name)] | length" "$work/nodes")
        if [ "$nodes" != 0 ]; then
          say "kept EC2NodeClass/$name: $nodes NodePools use it"
          continue
        fi
        scope=()
        ;;
      PodDisruptionBudget | NetworkPolicy | Service | ConfigMap | ResourceQuota | ServiceAccount)
        if [ "$draining" != 0 ]; then
          say "kept $kind/$name: $draining pods are still draining"
          continue
        fi
        # A pod that restarts reads its ConfigMaps again, and hangs where one is gone.
        mounted=$(jq --arg name "$name" '[.items[] | select(any(.spec.volumes[]?; .configMap.name == $name))] | length' "$work/pods")
        if [ "$kind" = ConfigMap ] && [ "$mounted" != 0 ]; then
          say "kept $kind/$name: $mounted pods mount it"
          continue
        fi
        ;;
    esac
    kc delete "$(resource "$kind")" "$name" ${scope[@]+"${scope[@]}"} --wait=false >"$work/out" 2>"$work/error" || failed "deleting $kind/$name" "nothing"
    say "deleted $kind/$name"
  done 8<"$work/leftovers"
}

summary() {
  local name
  say ""
  say "$cluster: applied$applied"
  if [ -n "$cut" ]; then
    say "  rolled: $cut"
  else
    if [ "$lb_rolls" = 1 ]; then say "  the load balancer rolled: the old one stops after its last build"; fi
    if [ "$builders_roll" = 1 ]; then say "  the builders rolled: old pods stop after their builds"; fi
  fi
  for name in $builders; do
    if has 50-scaledobjects.yaml; then
      say "  $name: $(desired 50-scaledobjects.yaml | jq -r --arg name "$name" 'select(.metadata.name == $name) | "\(.spec.minReplicaCount)..\(.spec.maxReplicaCount)"') pods, $(progress "$name")"
    else
      say "  $name: $(progress "$name")"
    fi
  done
}

# ---------------------------------------------------------------- a fleet whose set may be gone

# Sets context, namespace, `cluster_name` and `region` from the set, or from the fleet's live Namespace where there is no
# set or --namespace says which one it is: then `from_set` is 0.
find_fleet() {
  from_set=0
  if [ -z "$given_namespace" ] && [ -d "$dir/$cluster" ]; then
    from_set=1
    take_set
    check_context
  else
    [ "$only_retire" = 0 ] || [ -n "$context" ] ||
      die "$EXIT_REFUSED" "--retire without a set needs --context, which says on which cluster the fleet is"
    current_context
  fi
  kc version -o json >"$work/version" 2>"$work/error" || die "$EXIT_FAILED" "cannot reach the cluster of context $context: $(tail -n 1 "$work/error")"
  if [ "$from_set" = 1 ]; then
    namespace=$(namespace_of_set)
    check_namespace
    return 0
  fi
  find_namespace
  first_install=0
  cluster_name=$(jq -r '.metadata.annotations["buildkit-fleet/cluster-name"]' "$work/namespace")
  region=$(jq -r '.metadata.annotations["buildkit-fleet/region"] // ""' "$work/namespace")
  match_context "namespace $namespace on it holds the fleet of"
  # Nothing on the cluster has the name in clusters.yaml but what was saved with an earlier run.
  if read_history; then
    saved_as=$(jq -r 'last // {} | .cluster // ""' "$work/history")
    [ -z "$saved_as" ] || [ "$saved_as" = "$cluster" ] ||
      die "$EXIT_REFUSED" "namespace $namespace holds the fleet that was applied as $saved_as, not $cluster: name it so, or choose another with --namespace"
  fi
}

# Sets `namespace` to the only one with a fleet, or to that of --namespace, and reads it to $work/namespace.
find_namespace() {
  local names
  if [ -n "$given_namespace" ]; then
    kc get namespace "$given_namespace" --ignore-not-found -o json >"$work/namespace" 2>"$work/error" ||
      die "$EXIT_FAILED" "cannot read namespace $given_namespace: $(tail -n 1 "$work/error")"
  else
    kc get namespaces -l "$OURS" -o json >"$work/namespace" 2>"$work/error" || die "$EXIT_FAILED" "cannot list namespaces: $(tail -n 1 "$work/error")"
  fi
  jq -c "$ITEMS | select($IS_FLEET)" "$work/namespace" >"$work/namespaces" || die "$EXIT_FAILED" "cannot read the namespaces"
  names=$(jq -r .metadata.name "$work/namespaces")
  case $names in
    "") die "$EXIT_REFUSED" "$dir/$cluster not found, and ${given_namespace:+namespace $given_namespace on }the cluster of context $context has no fleet" ;;
    *[!a-z0-9-]*) die "$EXIT_REFUSED" "the cluster of context $context has several fleets, in the namespaces $(echo "$names" | tr '\n' ' ' | sed 's/ $//'): choose one with --namespace" ;;
  esac
  namespace=$names
  mv "$work/namespaces" "$work/namespace"
}

# ---------------------------------------------------------------- history

# Each applied set is saved as a Secret of its own. Its labels are not those of the set's objects: nothing that prunes
# these sees it.
readonly KEPT_SETS=10 LARGEST_SECRET=1048576
readonly HISTORY=app.kubernetes.io/part-of=buildkit-fleet,app.kubernetes.io/component=set-history
# jq: the saved sets, oldest first, with the files that each changed.
# shellcheck disable=SC2016
readonly SAVED='
  def files: split("\n") | map(select(. != "") | {key: .[66:], value: .[:64]}) | from_entries;
  [.items[] | select(.type == "buildkit-fleet/set") | . as $secret
    | (.metadata.name | capture("^buildkit-fleet-set-(?<number>[1-9][0-9]{0,8})$")) as {$number}
    | {revision: ($number | tonumber), name: .metadata.name, applied: .metadata.creationTimestamp,
       origin: (.metadata.annotations["buildkit-fleet/origin"] // "set"), cluster: .metadata.annotations["buildkit-fleet/cluster"],
       sums: (.data.SHA256SUMS // "" | @base64d), set: (.data["set.tar.gz"] // "")}]
  | sort_by(.revision) | . as $all
  | [range(length) as $at | $all[$at] | (.sums | files) as $files | (if $at == 0 then {} else $all[$at - 1].sums | files end) as $before
      | .live = ($at == ($all | length) - 1)
      | .changed = ([$files, $before | keys[]] | unique | map(select($files[.] != $before[.])))]'

# Reads the saved sets to $work/history.
read_history() {
  kc get secrets -n "$namespace" -l "$HISTORY" -o json >"$work/secrets" 2>"$work/error" && jq "$SAVED" "$work/secrets" >"$work/history" 2>"$work/error"
}

# Packs what was applied into $work/set.tar.gz, with its checksums in $work/saved/SHA256SUMS.
pack_set() {
  local names plain
  cp -R "$set_dir" "$work/saved" || return 1
  names=$(cd "$work/saved" && for file in *; do [ "$file" = SHA256SUMS ] || echo "$file"; done | LC_ALL=C sort)
  # An overlay has none.
  if ! [ -f "$work/saved/SHA256SUMS" ]; then
    # shellcheck disable=SC2086
    (cd "$work/saved" && if command -v sha256sum >/dev/null; then sha256sum $names; else shasum -a 256 $names; fi) >"$work/sums" || return 1
    mv "$work/sums" "$work/saved/SHA256SUMS" || return 1
  fi
  # Without the user's name, and without what macOS adds.
  plain=(--numeric-owner)
  if tar --version 2>/dev/null | grep -q 'GNU tar'; then plain=(--owner=0 --group=0 --numeric-owner); fi
  # shellcheck disable=SC2086
  (cd "$work/saved" && COPYFILE_DISABLE=1 tar "${plain[@]}" -cf - SHA256SUMS $names) | gzip -9 -n >"$work/set.tar.gz"
}

# Saves the set, unless the last one that was saved is the same. The fleet does not need it: a run goes on without.
save_set() {
  local origin=set number size tries=0
  for program in gzip tar base64; do
    command -v "$program" >/dev/null || {
      say "the set is not saved for --history: \`$program\` is not installed"
      return 0
    }
  done
  [ -z "$overlay" ] || origin=overlay
  pack_set 2>"$work/error" || {
    say "the set is not saved for --history: $(tail -n 1 "$work/error")"
    return 0
  }
  base64 <"$work/set.tar.gz" | tr -d '\n' >"$work/set.base64"
  size=$(($(wc -c <"$work/set.tar.gz") + $(wc -c <"$work/saved/SHA256SUMS")))
  if [ "$size" -gt "$LARGEST_SECRET" ]; then
    say "the set is not saved for --history: packed, it has $size bytes, and a Secret holds $LARGEST_SECRET"
    return 0
  fi
  # Another run may take the number first.
  while [ "$tries" -lt 5 ]; do
    tries=$((tries + 1))
    read_history || break
    ! jq -e --rawfile sums "$work/saved/SHA256SUMS" 'last // {} | .sums == $sums' "$work/history" >/dev/null || return 0
    number=$(jq 'last // {} | (.revision // 0) + 1' "$work/history")
    jq -n --arg number "$number" --arg namespace "$namespace" --arg origin "$origin" --arg cluster "$cluster" \
      --rawfile set "$work/set.base64" --rawfile sums "$work/saved/SHA256SUMS" '
      {apiVersion: "v1", kind: "Secret", type: "buildkit-fleet/set", immutable: true,
       metadata: {name: "buildkit-fleet-set-\($number)", namespace: $namespace,
         labels: {"app.kubernetes.io/name": "buildkit-fleet-set", "app.kubernetes.io/component": "set-history",
           "app.kubernetes.io/part-of": "buildkit-fleet", "app.kubernetes.io/managed-by": "deploy.sh"},
         annotations: {"buildkit-fleet/cluster": $cluster, "buildkit-fleet/origin": $origin}},
       data: {"set.tar.gz": $set, SHA256SUMS: ($sums | @base64)}}' >"$work/secret.json" || break
    if kc create --field-manager="$MANAGER" -f "$work/secret.json" >"$work/out" 2>"$work/error"; then
      say "saved the set as revision $number"
      forget_old_sets
      return 0
    fi
    grep -q AlreadyExists "$work/error" || break
  done
  say "the set is not saved for --history: $(tail -n 1 "$work/error")"
}

forget_old_sets() {
  local name
  # Read before the last one was saved.
  jq -r --argjson kept "$KEPT_SETS" 'map(.name) | .[:-($kept - 1)][]' "$work/history" >"$work/old-sets"
  while read -r name <&8; do
    kc delete secret "$name" -n "$namespace" --ignore-not-found --wait=false >"$work/out" 2>"$work/error" || say "cannot delete Secret/$name: $(tail -n 1 "$work/error")"
  done 8<"$work/old-sets"
}

print_history() {
  if [ "$format" = json ]; then
    jq --arg cluster "$cluster" --arg context "$context" --arg namespace "$namespace" \
      '{cluster: $cluster, context: $context, namespace: $namespace, revisions: map({revision, applied, live, origin, changed})}' "$work/history"
    return
  fi
  if [ "$(jq length "$work/history")" = 0 ]; then
    say "no set is saved in namespace $namespace"
    return
  fi
  jq -r 'def pad($width): . + ([range($width - length) | " "] | join(""));
    (["REVISION", "APPLIED (UTC)", "STATUS", "ORIGIN", "CHANGED FILES"],
      (.[] | ["\(.revision)", (.applied // "" | sub("T"; " ") | sub("Z"; "")), (if .live then "live" else "superseded" end), .origin,
        if (.changed | length) > 4 then "\(.changed | length) files" else .changed | join(", ") end]))
    | (.[0] | pad(10)) + (.[1] | pad(21)) + (.[2] | pad(12)) + (.[3] | pad(9)) + .[4]' "$work/history"
}

# Writes a saved set out. Whoever may write Secrets here may have changed it: its names are checked, nothing is extracted
# but to files that this names, and the checksums must be right.
write_revision() {
  local target name numbers
  out=${out:-revision-$revision}
  target=$out/$cluster
  if [ -e "$target" ] || [ -L "$target" ]; then
    if ! [ -d "$target" ] || [ -n "$(ls -A "$target")" ]; then die "$EXIT_REFUSED" "$target already exists: remove it, or use --out"; fi
  fi
  numbers=$(jq -r 'map(.revision) | join(", ")' "$work/history")
  jq --argjson revision "$revision" '.[] | select(.revision == $revision)' "$work/history" >"$work/revision"
  [ -s "$work/revision" ] || die "$EXIT_REFUSED" "revision $revision not found: namespace $namespace has ${numbers:-none}"
  mkdir "$work/written"
  jq -j .sums "$work/revision" >"$work/written/SHA256SUMS"
  if ! [ -s "$work/written/SHA256SUMS" ] || grep -qvE '^[0-9a-f]{64}  [0-9A-Za-z][0-9A-Za-z_-]*[.]yaml$' "$work/written/SHA256SUMS"; then
    die "$EXIT_REFUSED" "revision $revision is damaged: its SHA256SUMS does not list plain names of manifests"
  fi
  # A set is far smaller than this.
  jq -j .set "$work/revision" | base64 --decode 2>"$work/error" | gzip -dc 2>>"$work/error" | head -c 67108864 >"$work/set.tar"
  while read -r _ name <&8; do
    tar -xOf "$work/set.tar" "$name" >"$work/written/$name" 2>"$work/error" || die "$EXIT_REFUSED" "revision $revision is damaged: it has no $name"
  done 8<"$work/written/SHA256SUMS"
  check_sums "$work/written" >/dev/null 2>&1 || die "$EXIT_REFUSED" "revision $revision is damaged: its files and its SHA256SUMS differ"
  mkdir -p "$target" || die "$EXIT_FAILED" "cannot create $target"
  # Last, since without it this is no set.
  { cp "$work"/written/*.yaml "$target/" && cp "$work/written/SHA256SUMS" "$target/"; } || die "$EXIT_FAILED" "cannot write to $target"
  say "revision $revision is written to $target. To see what has changed since then, which rolling back undoes:"
  say "  buildkit-fleet diff $cluster --against $out"
  say "To roll back, first with --dry-run:"
  say "  ./deploy.sh $cluster --dir $out --context $context"
}

# ---------------------------------------------------------------- retiring a fleet

# What the steps of --retire delete, in their order; `buildkit-fleet diff` names the same ones. Builds and the namespace are
# steps of their own.
readonly RETIRED_KINDS='ScaledObject Deployment Service NodePool EC2NodeClass NetworkPolicy PodDisruptionBudget ResourceQuota ServiceAccount ConfigMap ServiceMonitor PrometheusRule'

retire_failed() {
  say "deploy: $1 failed: $(tail -n 3 "$work/error")"
  say "deleted so far:${applied:- nothing}. Fix the cause and run again: it continues from there."
  exit "$EXIT_FAILED"
}

# Sets `scope` to where objects of a kind are.
scope_of() {
  scope=(-n "$namespace")
  case $1 in NodePool | EC2NodeClass | Namespace) scope=() ;; esac
}

# Lists the fleet's live objects of these kinds, `Kind name` a line, to $work/fleet, and with their JSON to
# $work/fleet-objects. A kind that this cluster does not have has none.
list_fleet() {
  local kind scope
  : >"$work/fleet"
  : >"$work/fleet-objects"
  for kind in "$@"; do
    case $kind in
      ScaledObject | ServiceMonitor | PrometheusRule | NodePool | EC2NodeClass) needs "$(resource "$kind")" || continue ;;
    esac
    # Other fleets may use the same ones.
    case $kind in NodePool | EC2NodeClass) [ -z "$other_fleets" ] || continue ;; esac
    scope_of "$kind"
    kc get "$(resource "$kind")" ${scope[@]+"${scope[@]}"} -l "$OURS" -o json >"$work/listed" 2>"$work/error" || retire_failed "reading the objects of kind $kind"
    jq -c --arg kind "$kind" "$ITEMS | .kind = \$kind" "$work/listed" >>"$work/fleet-objects" || retire_failed "reading the objects of kind $kind"
  done
  jq -r '.kind + " " + .metadata.name' "$work/fleet-objects" >"$work/fleet" || retire_failed "reading the objects of the fleet"
}

# The same of the builders' Deployments, and of the load balancer's.
list_builders() {
  list_fleet Deployment
  grep -vxF "Deployment $LB" "$work/fleet" >"$work/builders"
  mv "$work/builders" "$work/fleet"
}
list_lb() {
  list_fleet Deployment
  grep -xF "Deployment $LB" "$work/fleet" >"$work/lb-deployment"
  mv "$work/lb-deployment" "$work/fleet"
}
list_history() {
  # The fleet does not depend on them.
  kc get secrets -n "$namespace" -l "$HISTORY" -o json >"$work/secrets" 2>"$work/error" || echo '{"items": []}' >"$work/secrets"
  jq -r '.items[] | select(.type == "buildkit-fleet/set") | "Secret " + .metadata.name' "$work/secrets" >"$work/fleet"
}

# Deletes what was listed last.
delete_listed() {
  local kind name scope
  while read -r kind name <&8; do
    scope_of "$kind"
    kc delete "$(resource "$kind")" "$name" ${scope[@]+"${scope[@]}"} --ignore-not-found --wait=false >"$work/out" 2>"$work/error" || retire_failed "deleting $kind/$name"
    applied="$applied $kind/$name"
    say "deleted $kind/$name"
  done 8<"$work/fleet"
}

# Waits until a command lists nothing to $work/fleet any more. The last argument is printed where that takes too long.
wait_gone() {
  local what=$1 list=$2 advice=$3 until still='' before='' reads=0
  until=$(($(date +%s) + timeout_s))
  while :; do
    $list
    [ -s "$work/fleet" ] || return 0
    still=$(tr ' ' / <"$work/fleet" | tr '\n' ' ' | sed 's/ $//')
    [ "$still" = "$before" ] || say "$what: waiting for $still"
    before=$still
    reads=$((reads + 1))
    # Where reading is slow, what goes meanwhile is not taken for what stays.
    if [ "$reads" -ge 3 ] && [ "$(date +%s)" -ge "$until" ]; then break; fi
    sleep "$poll_s"
  done
  say "deploy: $what: still there after $(length "$timeout_s"): $still"
  say "$advice"
  say "deleted so far:${applied:- nothing}. Run again: it continues from there."
  exit "$EXIT_TIMEOUT"
}

# The ScaledObjects, and any HPA of a builder's Deployment.
list_scaling() {
  list_builders
  cp "$work/fleet" "$work/pools"
  kc get hpa -n "$namespace" -o json >"$work/hpas" 2>"$work/error" || retire_failed "reading HPAs"
  list_fleet ScaledObject
  jq -r --rawfile pools "$work/pools" "$ITEMS | select(\"Deployment \" + .spec.scaleTargetRef.name | IN(\$pools | split(\"\n\")[])) | \"HPA \" + .metadata.name" "$work/hpas" >>"$work/fleet" ||
    retire_failed "reading HPAs"
}

# The pods of $pods_app.
list_pods() {
  kc get pods -n "$namespace" -l "app=$pods_app" -o json >"$work/pods" 2>"$work/error" || retire_failed "reading the pods of $pods_app"
  jq -r '.items[] | "Pod " + .metadata.name' "$work/pods" >"$work/fleet" || retire_failed "reading the pods of $pods_app"
}

# The nodes of the fleet's NodePools. One that is being launched has a NodeClaim but no Node yet.
list_nodes() {
  local name
  list_fleet NodePool
  : >"$work/nodes"
  while read -r _ name <&8; do
    kc get nodes,nodeclaims.karpenter.sh -l "karpenter.sh/nodepool=$name" -o name >"$work/listed" 2>"$work/error" || retire_failed "reading the nodes of NodePool/$name"
    sed 's|^\([^/.]*\)[^/]*/|\1 |' "$work/listed" >>"$work/nodes"
  done 8<"$work/fleet"
  mv "$work/nodes" "$work/fleet"
}

list_nodepools() { list_fleet NodePool; }

list_namespace() {
  kc get namespace "$namespace" --ignore-not-found -o json >"$work/listed" 2>"$work/error" || retire_failed "reading namespace $namespace"
  jq -r '"Namespace " + .metadata.name' "$work/listed" >"$work/fleet" || retire_failed "reading namespace $namespace"
}

# Refuses objects that Argo CD or Flux would make again. Their marks stay on what they leave behind: where it can be seen
# that the owner is gone, they do not count.
refuse_delivered() {
  local tool name where
  { cat "$work/fleet-objects" && cat "$work/namespace"; } | jq -r '(.metadata.annotations // {}) as $annotations | (.metadata.labels // {}) as $labels
    | if $annotations["argocd.argoproj.io/tracking-id"] != null then "argocd " + ($annotations["argocd.argoproj.io/tracking-id"] | split(":")[0]) + " -"
      elif $labels["app.kubernetes.io/instance"] != null and $annotations["argocd.argoproj.io/sync-wave"] != null then "argocd \($labels["app.kubernetes.io/instance"]) -"
      elif $labels["kustomize.toolkit.fluxcd.io/name"] != null then "flux " + $labels["kustomize.toolkit.fluxcd.io/name"] + " " + ($labels["kustomize.toolkit.fluxcd.io/namespace"] // "flux-system")
      else empty end' | LC_ALL=C sort -u >"$work/owners" || die "$EXIT_FAILED" "cannot read the objects of the fleet"
  while read -r tool name where <&8; do
    if [ "$tool" = flux ]; then
      needs kustomizations.kustomize.toolkit.fluxcd.io || continue
      kc get kustomizations.kustomize.toolkit.fluxcd.io "$name" -n "$where" --ignore-not-found -o name >"$work/owner" 2>"$work/error" ||
        die "$EXIT_REFUSED" "cannot tell whether Flux still applies this fleet: $(tail -n 1 "$work/error")"
      [ -s "$work/owner" ] || continue
      die "$EXIT_REFUSED" "Flux's Kustomization $name in namespace $where applies this fleet and would make it again: delete it first, without its objects (docs/gitops.md)"
    fi
    # Its Application may be on another cluster.
    say "deploy: Argo CD's Application $name applies this fleet and would make it again: delete it first, without its objects (docs/gitops.md)."
    say "If that is done, its marks are still there; to remove them:"
    say "  kubectl --context $context annotate namespace $namespace argocd.argoproj.io/tracking-id-"
    jq -r --arg context "$context" --arg namespace "$namespace" --arg labels "$OURS" -s 'group_by(.kind == "NodePool" or .kind == "EC2NodeClass")[]
      | "  kubectl --context \($context) annotate \(map(.kind | ascii_downcase) | unique | join(","))\(if .[0].metadata.namespace == null then "" else " -n \($namespace)" end) -l \($labels) argocd.argoproj.io/tracking-id-"' "$work/fleet-objects" >&2
    say "and the label app.kubernetes.io/instance in the same way, if Argo CD tracks by it."
    exit "$EXIT_REFUSED"
  done 8<"$work/owners"
}

# Sets `namespace_kept` to why the namespace stays, or leaves it empty. Who made it: a Namespace that was there before has a
# field of another manager, and one that a client applied has an annotation.
judge_namespace() {
  local kinds makers foreign
  namespace_kept=''
  kc get namespace "$namespace" --ignore-not-found --show-managed-fields -o json >"$work/listed" 2>"$work/error" || retire_failed "reading namespace $namespace"
  makers=$(jq -r --arg ours "$MANAGER" '
    [(.metadata.managedFields // [{manager: "an unknown manager"}])[].manager | select(. != $ours and . != "kube-controller-manager")]
    + (if .metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] != null then ["kubectl apply"] else [] end)
    + (if [.metadata.managedFields[]? | select(.manager == $ours and .operation == "Apply")] == [] then ["not deploy.sh"] else [] end)
    | unique | join(", ")' "$work/listed") || retire_failed "reading namespace $namespace"
  if [ -n "$makers" ]; then
    namespace_kept="it may have been there before the fleet, it has fields of $makers"
    return 0
  fi
  if ! kinds=$(kc api-resources --namespaced --verbs=list -o name 2>"$work/error") ||
    ! kc get "$(echo "$kinds" | tr '\n' ',' | sed 's/,$//')" -n "$namespace" --ignore-not-found -o json >"$work/content" 2>"$work/error"; then
    namespace_kept="it cannot be seen what else is in it: $(tail -n 1 "$work/error")"
    return 0
  fi
  # What Kubernetes itself puts there, and what goes with the fleet's objects, are not foreign.
  foreign=$(jq -r --arg kinds "$RETIRED_KINDS" "$ITEMS"' | (.metadata.labels // {}) as $labels
    | select((.kind | IN("Event", "Endpoints", "EndpointSlice", "PodMetrics")) or (.kind == "ServiceAccount" and .metadata.name == "default")
      or (.kind == "ConfigMap" and .metadata.name == "kube-root-ca.crt") or (.kind == "Secret" and .type == "buildkit-fleet/set")
      or ($labels["app.kubernetes.io/part-of"] == "buildkit-fleet" and $labels["app.kubernetes.io/managed-by"] == "buildkit-fleet" and (.kind | IN($kinds | split(" ")[])))
      or any(.metadata.ownerReferences[]?; (.kind | IN("Deployment", "ReplicaSet", "Pod", "ScaledObject", "Service", "NetworkPolicy")) and (.name | test("^buildkitd(-|$)")))
      | not)
    | .kind + "/" + .metadata.name' "$work/content" | LC_ALL=C sort -u | head -n 20 | tr '\n' ' ' | sed 's/ $//') || retire_failed "reading the content of namespace $namespace"
  [ -z "$foreign" ] || namespace_kept="it has other objects: $foreign"
}

# Sets `builders`, and where there are any `cut` and `builds`.
judge_builds() {
  list_builders
  builders=$(cut -d' ' -f2 "$work/fleet")
  pods_app=buildkitd
  list_pods
  [ -n "$builders" ] || return 0
  count_builds
  kc get configmaps -n "$namespace" -l "$OURS" -o json >"$work/configs" 2>"$work/error" || retire_failed "reading ConfigMaps"
  mkdir -p "$work/json"
  # Where there are several, pods may still have the oldest: the longest build counts.
  jq -c '[.items[] | select(.data["haproxy.cfg"] != null)] | sort_by(.data["haproxy.cfg"] | [capture("timeout server (?<minutes>[0-9]+)m").minutes | tonumber] | first // 0) | last // empty' \
    "$work/configs" >"$work/json/live"
  if [ -s "$work/json/live" ]; then what_is_cut buildkitd; else cut="no configuration of the load balancer says how long a build may be"; fi
}

# Prints a step with what was listed last, if there is anything.
print_step() {
  [ -s "$work/fleet" ] || return 0
  say "  $1: $(tr ' ' / <"$work/fleet" | tr '\n' ' ' | sed 's/ $//; s/ /, /g')$2"
}

print_steps() {
  local pods nodes
  # What cannot be read is found before anything is deleted.
  list_scaling
  list_fleet ScaledObject
  print_step "ScaledObjects" "; waits until they and their HPAs are gone, which needs KEDA's operator"
  if [ -n "$builders" ]; then say "  builds: $(builds_text); waits until there are none"; fi
  pods_app=buildkitd
  list_pods
  pods=$(grep -c . "$work/fleet")
  list_builders
  print_step "builders" "; waits until their pods ($pods) have finished their builds"
  list_lb
  print_step "load balancer" "; waits until its pods are gone"
  list_fleet Service
  print_step "Services" ""
  list_nodes
  nodes=$(grep -c . "$work/fleet")
  list_fleet NodePool
  print_step "NodePools" "; waits until Karpenter has removed their nodes and NodeClaims ($nodes)"
  list_fleet EC2NodeClass
  print_step "node classes" ""
  list_fleet NetworkPolicy PodDisruptionBudget ResourceQuota ServiceAccount ConfigMap
  print_step "policies and configuration" ""
  list_fleet ServiceMonitor PrometheusRule
  print_step "monitoring" ""
  list_history
  print_step "saved sets" ""
  if [ "$first_install" = 0 ]; then say "  namespace: Namespace/$namespace${namespace_kept:+ is kept: $namespace_kept}"; fi
  if [ -n "$other_fleets" ]; then say "NodePools and node classes are kept: the fleet in namespace $other_fleets may use them"; fi
}

# Lets nobody retire a fleet by mistake.
confirm_retirement() {
  local answer
  [ "$yes" = 0 ] || return 0
  [ -t 0 ] || die "$EXIT_REFUSED" "nothing was deleted: without a terminal to ask on, --retire needs --yes"
  printf 'Type the name of the cluster, %s, to delete this fleet: ' "$cluster_name" >&2
  read -r answer
  [ "$answer" = "$cluster_name" ] || die "$EXIT_REFUSED" "nothing was deleted"
}

# Before anything is deleted: whether builds may be left to their builders, or are waited for.
decide_builds() {
  local answer
  builds_decided=$cut_builds
  if [ -z "$builders" ] || [ "$builds" = 0 ] || [ -n "$wait_idle_s" ] || [ "$cut_builds" = 1 ]; then return 0; fi
  if [ -n "$cut" ]; then say "warning: running builds are cut: $cut"; fi
  if [ -t 0 ]; then
    if [ -n "$cut" ]; then
      printf 'Delete the builders now and cut running builds? Type "cut" to do it: ' >&2
    else
      printf 'Delete the builders now? They finish their builds, but builds that wait fail. [y/N] ' >&2
    fi
    read -r answer
    case $cut/$answer in /y | /Y | /yes | ?*/cut) builds_decided=1 && return 0 ;; esac
  fi
  die "$EXIT_ROLL" "$(builds_text): stop the clients and use --wait-idle MIN, or --cut-builds to delete the builders anyway:" \
    "$(if [ -n "$cut" ]; then echo "that cuts running builds"; else echo "they finish their builds, but builds that wait fail"; fi). Nothing was deleted"
}

# The second step: no more pods come, so a client that stays keeps this from ending.
wait_for_builds() {
  local until
  list_builders
  [ -s "$work/fleet" ] && [ "$builds_decided" = 0 ] || return 0
  until=$(($(date +%s) + ${wait_idle_s:-0}))
  count_builds
  while [ "$builds" != 0 ]; do
    if [ "$(date +%s)" -ge "$until" ]; then
      die "$EXIT_ROLL" "$(builds_text)${wait_idle_s:+ after $(length "$wait_idle_s")}: stop the clients and run again with --wait-idle MIN, or use --cut-builds. Deleted so far:${applied:- nothing}." \
        "The pools no longer scale; to take that back, apply the set again"
    fi
    say "waiting for idle: $(builds_text)"
    sleep "$poll_s"
    count_builds
  done
}

# Deletes what was listed, but for what a pod that is left still reads.
delete_unused() {
  local kind name used
  kc get pods -n "$namespace" -o json >"$work/pods" 2>"$work/error" || retire_failed "reading pods"
  : >"$work/unused"
  while read -r kind name <&8; do
    used=$(jq -r --arg kind "$kind" --arg name "$name" '[.items[] | select(if $kind == "ConfigMap" then any(.spec.volumes[]?; .configMap.name == $name)
      elif $kind == "ServiceAccount" then .spec.serviceAccountName == $name else false end) | .metadata.name] | join(", ")' "$work/pods") || retire_failed "reading pods"
    if [ -n "$used" ]; then
      say "kept $kind/$name: used by pod $used"
      kept="$kept $kind/$name"
    else
      echo "$kind $name" >>"$work/unused"
    fi
  done 8<"$work/fleet"
  mv "$work/unused" "$work/fleet"
  delete_listed
}

# Keeps node classes that a NodePool of somebody else names.
delete_node_classes() {
  local kind name users
  list_fleet EC2NodeClass
  [ -s "$work/fleet" ] || return 0
  kc get nodepools.karpenter.sh -o json >"$work/nodepools" 2>"$work/error" || retire_failed "reading NodePools"
  : >"$work/unused"
  while read -r kind name <&8; do
    users=$(jq -r --arg name "$name" "[$ITEMS | select(.spec.template.spec.nodeClassRef.name == \$name) | .metadata.name] | join(\", \")" "$work/nodepools") || retire_failed "reading NodePools"
    if [ -n "$users" ]; then
      say "kept $kind/$name: used by NodePool $users"
      kept="$kept $kind/$name"
    else
      echo "$kind $name" >>"$work/unused"
    fi
  done 8<"$work/fleet"
  mv "$work/unused" "$work/fleet"
  cp "$work/fleet" "$work/deleted-classes"
  delete_listed
}

# Those that were deleted and are not gone.
list_deleted_classes() {
  list_fleet EC2NodeClass
  grep -xF -f "$work/deleted-classes" "$work/fleet" >"$work/still-there"
  mv "$work/still-there" "$work/fleet"
}

retire() {
  local restored
  find_fleet
  crds=$(kc get crd -o name 2>"$work/error") || retire_failed "listing custom resource definitions"
  # By their pods' owners: a namespace that was kept when its fleet was retired has none.
  kc get deployments --all-namespaces -l "$OURS" -o json >"$work/fleets" 2>"$work/error" || retire_failed "looking for other fleets"
  other_fleets=$(jq -r --arg namespace "$namespace" '[.items[].metadata.namespace | select(. != $namespace)] | unique | join(", ")' "$work/fleets") || retire_failed "looking for other fleets"
  # shellcheck disable=SC2086
  list_fleet $RETIRED_KINDS
  refuse_delivered
  restored=$(jq -r 'select(.kind == "ScaledObject" and .spec.advanced.restoreToOriginalReplicaCount == true) | .metadata.name' "$work/fleet-objects" | head -n 1)
  [ -z "$restored" ] ||
    die "$EXIT_REFUSED" "deleting ScaledObject/$restored would shrink its pool at once: kubectl patch scaledobject $restored -n $namespace --type merge -p '{\"spec\":{\"advanced\":{\"restoreToOriginalReplicaCount\":false}}}'"
  if ! [ -s "$work/fleet" ] && [ "$first_install" = 1 ]; then
    say "$cluster: nothing to retire: namespace $namespace does not exist${other_fleets:+; NodePools and node classes are kept for the fleet in namespace $other_fleets}"
    return 0
  fi
  namespace_kept='' cut='' kept=''
  [ "$first_install" = 1 ] || judge_namespace
  judge_builds
  say "to retire: the fleet of $cluster_name${region:+ in $region}, context $context, namespace $namespace"
  print_steps
  if [ "$dry_run" = 1 ]; then return 0; fi
  confirm_retirement
  decide_builds

  list_fleet ScaledObject
  delete_listed
  wait_gone "ScaledObjects" list_scaling "KEDA's operator removes the finalizer of a ScaledObject, and with it the HPA goes. Does it run?
  kubectl --context $context get deployments --all-namespaces -l app.kubernetes.io/name=keda-operator
Start it and run again. Only if KEDA is gone for good, remove the finalizer by hand:
  kubectl --context $context patch scaledobject NAME -n $namespace --type merge -p '{\"metadata\":{\"finalizers\":null}}'"
  wait_for_builds
  list_builders
  delete_listed
  pods_app=buildkitd
  wait_gone "builders" list_pods "Each waits for its build; docs/runbook.md says what to do with one that does not end. Never force its deletion."
  list_lb
  delete_listed
  pods_app=$LB
  wait_gone "load balancer" list_pods "It waits for its connections to end: do clients still connect?"
  list_fleet Service
  delete_listed
  wait_gone "NodePools" list_nodes "Karpenter removes a node when it is empty. What keeps one:
  kubectl --context $context get pods --all-namespaces --field-selector spec.nodeName=NODE"
  list_fleet NodePool
  delete_listed
  wait_gone "NodePools" list_nodepools "What they wait for: kubectl --context $context get nodepools -o yaml"
  delete_node_classes
  wait_gone "node classes" list_deleted_classes "Karpenter's controller removes the finalizer of a node class: does it run?"
  list_fleet NetworkPolicy PodDisruptionBudget ResourceQuota ServiceAccount ConfigMap
  delete_unused
  list_fleet ServiceMonitor PrometheusRule
  delete_listed
  list_history
  delete_listed
  if [ "$first_install" = 0 ]; then
    # Others may have come meanwhile.
    judge_namespace
    if [ -n "$namespace_kept" ]; then
      say "kept Namespace/$namespace: $namespace_kept"
      kept="$kept Namespace/$namespace"
    else
      echo "Namespace $namespace" >"$work/fleet"
      delete_listed
      wait_gone "namespace" list_namespace "What it waits for: kubectl --context $context get namespace $namespace -o jsonpath='{.status.conditions[*].message}'"
    fi
  fi
  if [ -n "$other_fleets" ]; then say "kept NodePools and node classes: the fleet in namespace $other_fleets may use them"; fi
  say "$cluster: retired${kept:+; kept:$kept}"
  if [ "$from_set" = 1 ]; then say "now remove the cluster from clusters.yaml, and run \`buildkit-fleet generate\`"; fi
}

# ---------------------------------------------------------------- checks of the live fleet

# What --verify needs to know before it reads the fleet: less than an apply, for a user that may only read, or not even
# that everywhere.
before_checks() {
  namespace=$(sed -n 's/^  name: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$set_dir/00-namespace.yaml")
  kc version -o json >"$work/version" 2>"$work/error" || die "$EXIT_FAILED" "cannot reach the cluster of context $context: $(tail -n 1 "$work/error")"
  if kc get namespace "$namespace" --ignore-not-found -o json >"$work/namespace" 2>"$work/error"; then
    check_namespace
  fi
}

# Reads objects to $work/live-KEY. It is empty where that fails, and $work/error-KEY has the reason.
look() {
  local key=$1
  shift
  kc get "$@" -o json >"$work/live-$key" 2>"$work/error-$key" </dev/null || : >"$work/live-$key"
}

# jq: adds the number of checks of each status to an object of checks.
readonly TALLY='. + (.checks | {ok: map(select(.status == "ok")) | length, failed: map(select(.status == "failed")) | length,
  not_known: map(select(.status == "not known")) | length})'

# jq: the checks of a fleet, from the set and from what was read. `seen` has what earlier reads saw, since the numbers
# below are read one after another while builds come and go.
# shellcheck disable=SC2016
readonly CHECKS='
  def quantity:
    if type == "number" then .
    elif type == "string" then
      ([capture("^(?<number>[0-9]+([.][0-9]+)?)(?<unit>m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$")] | first) as $parts
      | if $parts == null then null else ($parts.number | tonumber) * {"": 1000, m: 1, k: 1e6, M: 1e9, G: 1e12, T: 1e15, P: 1e18,
          Ki: 1024e3, Mi: 1048576e3, Gi: 1073741824e3, Ti: 1099511627776e3, Pi: 1125899906842624e3}[$parts.unit // ""] / 1000 end
    else null end;
  # The paths of a manifest that differ from the live object, which has defaults beside them and no empty values.
  def differences($live; $at):
    if . == $live then empty
    elif type == "object" and ($live | type) == "object" then
      . as $wanted | keys[] as $key | $wanted[$key] | differences($live[$key]; $at + "." + $key)
    elif type == "array" and ($live | type) == "array" and length == ($live | length) then
      . as $wanted | range($wanted | length) as $index | $wanted[$index] | differences($live[$index]; $at + "[\($index)]")
    elif $live == null and (. == null or . == "" or . == 0 or . == false or . == {} or . == []) then empty
    elif quantity != null and quantity == ($live | quantity) then empty
    else $at end;
  def objects($file): if $file == [] then null else [$file[0] | if type == "object" and has("items") then .items[] else . end] end;
  # The last line of an error, before which kubectl may write warnings.
  def line: split("\n") | map(select(. != "")) | last // "no reason is given";
  def row($check; $object; $status; $detail): {check: $check, object: $object, status: $status, detail: ($detail | gsub("[[:cntrl:]]+"; " ") | gsub("^ +| +$"; ""))};
  def ok($check; $object; $detail): row($check; $object; "ok"; $detail);
  def failed($check; $object; $detail): row($check; $object; "failed"; $detail);
  def unknown($check; $object; $detail): row($check; $object; "not known"; $detail);
  # What could not be read. A resource type that the cluster lacks is not missing permission.
  def unread($check; $object; $error):
    if $error | test("have a resource type") then failed($check; $object; "its custom resource definition is not installed") else unknown($check; $object; $error | line) end;
  def named($name): map(select(.metadata.name == $name)) | first;
  def condition($type): [.status.conditions[]? | select(.type == $type)] | first;
  def because: "\(.reason // "") \(.message // "")" | gsub("^ +| +$"; "");
  def count($one; $many): if . == 1 then "1 " + $one else "\(.) " + $many end;
  # Whether a label selector selects these labels. One that is absent selects nothing, an empty one everything.
  def selects($labels): . as $selector | . != null
    and all(.matchLabels // {} | to_entries[]; $labels[.key] == .value)
    and all($selector.matchExpressions // [] | .[]; . as $expression | $labels[.key] as $value
      | if .operator == "Exists" then $value != null elif .operator == "DoesNotExist" then $value == null
        elif .operator == "In" then $value != null and ($expression.values | index($value)) != null
        else $value == null or ($expression.values | index($value)) == null end);

  objects($deployments) as $deployments | objects($pods) as $pods | objects($scaled) as $scaled | objects($hpas) as $hpas
  | objects($nodepools) as $nodepools | objects($classes) as $classes | objects($policies) as $policies
  | objects($daemonsets) as $daemonsets | objects($monitors) as $monitors | objects($prometheuses) as $prometheuses
  # `bk_amd64 sessions 3` a line.
  | (reduce ($page | split("\n")[] | select(. != "") | split(" ")) as [$proxy, $metric, $value] ({}; .[$proxy][$metric] = ($value | tonumber))) as $lb
  # Before a first installation there is none to read, and some may not read it.
  | ({"kubernetes.io/metadata.name": $namespace} + ($live_namespace[0] // ($set[] | select(.kind == "Namespace")) | .metadata.labels // {})) as $labels_of_namespace
  | ($set | map(select(.kind == "Deployment"))) as $wanted_deployments
  | ($set | map(select(.kind == "ScaledObject"))) as $wanted_scaled
  | def pool($name): $wanted_deployments | named($name);
    def live_pool($name): ($deployments // []) | named($name);
    # Builders that refuse a second build are DOWN for a load balancer while they have one of another.
    def guarded($name): pool($name) | '"$IS_GUARDED"';
    def stopping_lbs: [($pods // [])[] | select(.metadata.labels.app == "buildkitd-lb" and .metadata.deletionTimestamp != null)] | length;
    def proxy($name): "bk_" + (pool($name).metadata.labels.arch // "");
    def hpa($name): (($scaled // []) | named($name) | .status.hpaName) // "keda-hpa-" + $name;
    def asleep($scaled): $scaled.spec.minReplicaCount == 0 and live_pool($scaled.spec.scaleTargetRef.name).spec.replicas == 0;
    # The builds that the HPA read: its value is per pod, rounded up to a thousandth.
    def read_by_hpa: ([.status.currentMetrics[]?.external.current] | first) as $metric
      | if $metric.value != null then $metric.value | quantity
        elif $metric.averageValue != null then ($metric.averageValue | quantity) * (.status.currentReplicas // 0) + 1e-6 | floor
        else null end;
  # The lowest and highest number that each side had in all reads.
  (reduce $wanted_scaled[] as $object ($before[0].seen // {}; .[$object.metadata.name] as $old
      | [($old.lb // [])[], ($lb[proxy($object.spec.scaleTargetRef.name)].sessions // empty)] as $lb_reads
      | [($old.hpa // [])[], ((($hpas // []) | named(hpa($object.metadata.name)) // {} | read_by_hpa) // empty)] as $hpa_reads
      | .[$object.metadata.name] = {lb: $lb_reads, hpa: $hpa_reads})) as $seen
  | def span: if min == max then "\(min)" else "\(min) to \(max)" end;
  [
    ($missing | split(" ")[] | select(. != "") | failed("set"; .; "its custom resource definitions are not installed on this cluster")),
    ($wanted_deployments[] | .metadata.name as $name | ("Deployment/" + $name) as $object
      | if $deployments == null then unread("rollout"; $object; $deployments_error)
        elif live_pool($name) == null then failed("rollout"; $object; "not found")
        else . as $wanted | live_pool($name) as $live | ($live.status // {}) as $status | ($live.spec.replicas // 1) as $replicas
          | [$wanted.spec.template | differences($live.spec.template; "spec.template")] as $differs
          | "\($status.readyReplicas // 0)/\($replicas) ready" as $ready
          | if $differs != [] then failed("rollout"; $object; "not of this set: \($differs[0]) differs\(if $differs[1] == null then "" else ", and \($differs | length - 1) more" end)")
            elif $wanted.spec.replicas != null and $wanted.spec.replicas != $replicas then failed("rollout"; $object; "\($replicas) replicas, but the set says \($wanted.spec.replicas)")
            elif ($status.observedGeneration // 0) < ($live.metadata.generation // 0) then failed("rollout"; $object; "its latest change is not rolled out yet; \($ready)")
            elif ($status.updatedReplicas // 0) < $replicas or ($status.replicas // 0) > ($status.updatedReplicas // 0) then failed("rollout"; $object; "\($ready), \($status.updatedReplicas // 0) of \($status.replicas // 0) pods of the current template")
            elif ($status.availableReplicas // 0) < $replicas then failed("rollout"; $object; "\($ready), \($status.availableReplicas // 0) available")
            else ok("rollout"; $object; "\($ready), of this set") end
        end),
    ($wanted_deployments[] | select(.metadata.labels.arch != null) | .metadata.name as $name | ("Deployment/" + $name) as $object
      | if $lb == {} then unknown("servers"; $object; "the metrics of the load balancer cannot be read: \($page_error)")
        elif $deployments == null then unread("servers"; $object; $deployments_error)
        else (live_pool($name).status.readyReplicas // 0) as $ready | ($lb[proxy($name)].servers) as $up
          | if $up == null then failed("servers"; $object; "the load balancer has no backend \(proxy($name))")
            elif $up < $ready and guarded($name) and stopping_lbs > 0 then ok("servers"; $object; "the load balancer uses \($up) of \($ready | count("ready builder"; "ready builders")); others may have a build of the load balancer before")
            elif $up == $ready then ok("servers"; $object; "the load balancer uses \($up) of \($ready | count("ready builder"; "ready builders"))")
            else failed("servers"; $object; "the load balancer uses \($up | count("server"; "servers")), but \($ready | if . == 1 then "1 builder is" else "\(.) builders are" end) ready") + {again: true} end
        end),
    ($wanted_scaled[] | .metadata.name as $name | ("ScaledObject/" + $name) as $object
      | if $scaled == null then unread("scaling"; $object; $scaled_error)
        else . as $wanted | ($scaled | named($name)) as $live | ($live.metadata.annotations // {}) as $annotations
          | if $live == null then failed("scaling"; $object; "not found")
            elif $annotations[$paused] != null then failed("scaling"; $object; "paused at \($annotations[$paused]) pods; to scale again: kubectl annotate scaledobject \($name) -n \($namespace) \($paused)-")
            elif [$wanted.spec | differences($live.spec; "spec")] != [] then failed("scaling"; $object; "not of this set: \([$wanted.spec | differences($live.spec; "spec")][0]) differs")
            elif ($live | condition("Ready")) == null then failed("scaling"; $object; "has no conditions: does the operator of KEDA run?") + {again: true}
            elif ($live | condition("Ready").status) != "True" then failed("scaling"; $object; "not ready: \($live | condition("Ready") | because)") + {again: true}
            elif ($live | condition("Fallback").status) == "True" then failed("scaling"; $object; "in fallback, KEDA cannot read the load balancer: \($live | condition("Fallback") | because)")
            else ok("scaling"; $object; "ready, \($live.spec.minReplicaCount // 0) to \($live.spec.maxReplicaCount // 100) pods") end
        end),
    ($wanted_scaled[] | .metadata.name as $name | hpa($name) as $hpa | ("HPA/" + $hpa) as $object
      | select(($scaled // [] | named($name) | .metadata.annotations[$paused]) == null)
      | if $hpas == null then unread("hpa"; $object; $hpas_error)
        else . as $wanted | ($hpas | named($hpa)) as $live
          | if $live == null then failed("hpa"; $object; "not found: KEDA has not created it") + {again: true}
            elif asleep($wanted) then ok("hpa"; $object; "asleep at 0 pods")
            elif ($live | condition("ScalingActive").status) != "True" then failed("hpa"; $object; "ScalingActive is \($live | condition("ScalingActive").status // "missing"): \($live | condition("ScalingActive") // {} | because)") + {again: true}
            else ok("hpa"; $object; "scales, at \($live.status.currentReplicas // 0) pods") end,
            (select($live != null and (asleep($wanted) | not)) | ($seen[$name].hpa) as $read | ($seen[$name].lb) as $counted
              | if $counted == [] then unknown("metric"; $object; "the metrics of the load balancer cannot be read: \($page_error)")
                elif $read == [] then failed("metric"; $object; "has no value of the metric") + {again: true}
                elif ($read | max) >= ($counted | min) and ($read | min) <= ($counted | max) then ok("metric"; $object; "reads \($read | last), the load balancer counts \($counted | last)")
                else failed("metric"; $object; "reads \($read | span), but the load balancer counts \($counted | span)") + {again: true} end)
        end),
    ($set[] | select(.kind == "NodePool") | .metadata.name as $name | ("NodePool/" + $name) as $object
      | if $nodepools == null then unread("nodes"; $object; $nodepools_error)
        else ($nodepools | named($name)) as $live
          | if $live == null then failed("nodes"; $object; "not found")
            elif ($live | condition("Ready")) == null then unknown("nodes"; $object; "has no condition Ready")
            elif ($live | condition("Ready").status) != "True" then failed("nodes"; $object; "not ready: \($live | condition("Ready") | because)")
            else ok("nodes"; $object; "ready") end
        end),
    ($set[] | select(.kind == "EC2NodeClass") | .metadata.name as $name | ("EC2NodeClass/" + $name) as $object
      | if $classes == null then unread("nodes"; $object; $classes_error)
        else ($classes | named($name)) as $live | ($live.status // {}) as $status
          | [$status.conditions[]? | select(.status != "True")] as $false
          | [("amis", "subnets", "securityGroups") | select(($status[.] // []) == [])] as $none
          | if $live == null then failed("nodes"; $object; "not found")
            elif $false != [] then failed("nodes"; $object; ($false | (map(select(.type != "Ready")) + .)[0] | "\(.type) is \(.status): \(because)"))
            elif $none != [] then failed("nodes"; $object; "finds no \($none | map({amis: "AMI", subnets: "subnet", securityGroups: "security group"}[.]) | join(", "))")
            else ok("nodes"; $object; "\($status.amis | length | count("AMI"; "AMIs")), \($status.subnets | length | count("subnet"; "subnets")), \($status.securityGroups | length | count("security group"; "security groups"))") end
        end),
    (if $pods == null then unread("pods"; "pods"; $pods_error)
      else [$pods[] | select(.metadata.deletionTimestamp == null and (.metadata.labels.app // "" | startswith("buildkitd")))] as $ours
        # While a node starts, a pod is Pending for some minutes; a container that waits for its image or was stopped again
        # and again is in trouble at once.
        | [$ours[] | . as $pod
            | ([.status.containerStatuses[]?.state.waiting | select(. != null and ((.reason // "ContainerCreating") | IN("ContainerCreating", "PodInitializing") | not))] | first) as $waiting
            | select(.status.phase == "Pending" or $waiting != null)
            | {name: .metadata.name, old: ($waiting != null or (now - ((.metadata.creationTimestamp | fromdateiso8601?) // 0) > 600)),
               reason: (($waiting // ([.status.conditions[]? | select(.status != "True" and (.message // .reason) != null)] | first) // {reason: "no reason is given"}) | because)}] as $troubled
        | ($troubled | sort_by(.old | not)) as $sorted
        | ($sorted[0] // {} | "\(.name): \(.reason)") as $first
        | if $troubled == [] then ok("pods"; "pods"; "none of \($ours | length) is Pending")
          elif $sorted[0].old then failed("pods"; "pods"; "\($troubled | length) of \($ours | length) Pending or waiting; \($first)")
          else unknown("pods"; "pods"; "\($troubled | length) of \($ours | length) Pending for less than 10 min; \($first)") end
      end),
    ($set | map(select(.kind == "NetworkPolicy") | .metadata.name) | select(. != []) as $wanted
      | (if $policies == null then unread("network"; "NetworkPolicies"; $policies_error)
        else ($wanted - ($policies | map(.metadata.name))) as $missing
          | if $missing != [] then failed("network"; "NetworkPolicies"; "not found: \($missing | join(", "))")
            else ok("network"; "NetworkPolicies"; "\($wanted | length) of \($wanted | length) exist") end
        end),
        (if $daemonsets == null then unread("enforcement"; "NetworkPolicies"; $daemonsets_error)
        else ([$daemonsets[].metadata.name | select(test("^(calico-node|cilium|antrea-agent|kube-router|anetd|azure-npm)"))] | first) as $plugin
          | [$daemonsets[] | select(.metadata.name == "aws-node" and .metadata.namespace == "kube-system")] as $cni
          | if $plugin != null then ok("enforcement"; "NetworkPolicies"; "enforced by DaemonSet/\($plugin)")
            elif $cni == [] then unknown("enforcement"; "NetworkPolicies"; "no DaemonSet is known to enforce them")
            elif [$cni[].spec.template.spec.containers[].args[]?] | index("--enable-network-policy=true") then ok("enforcement"; "NetworkPolicies"; "enforced by the VPC CNI")
            else failed("enforcement"; "NetworkPolicies"; "not enforced: DaemonSet/aws-node runs without --enable-network-policy=true") end
        end)),
    ($set[] | select(.kind == "ServiceMonitor") | . as $wanted | .metadata.name as $name | ("ServiceMonitor/" + $name) as $object
      | if $monitors == null then unread("monitoring"; $object; $monitors_error)
        elif $monitors | named($name) == null then failed("monitoring"; $object; "not found")
        elif $prometheuses == null and ($prometheuses_error | test("have a resource type")) then unknown("monitoring"; $object; "the operator of this cluster has no Prometheus objects")
        elif $prometheuses == null then unknown("monitoring"; $object; $prometheuses_error | line)
        elif $prometheuses == [] then unknown("monitoring"; $object; "there is no Prometheus object that could select it")
        else ($monitors | named($name) | .metadata.labels // {}) as $labels
          | [$prometheuses[] | select((.spec.serviceMonitorSelector | selects($labels))
              and (.spec.serviceMonitorNamespaceSelector as $selector | if $selector == null then .metadata.namespace == $namespace
                elif $selector == {} then true else $selector | selects($labels_of_namespace) end))] as $by
          | if $by != [] then ok("monitoring"; $object; "selected by \($by[0].kind // "Prometheus")/\($by[0].metadata.name) in \($by[0].metadata.namespace)")
            elif $live_namespace == [] and any($prometheuses[]; .spec.serviceMonitorNamespaceSelector // {} != {}) then unknown("monitoring"; $object; "the labels of namespace \($namespace) cannot be read")
            else failed("monitoring"; $object; "no Prometheus selects it: give it the labels of its serviceMonitorSelector with `extra_labels`") end
        end)
  ] as $rows
  | {cluster: $cluster, context: $context, namespace: $namespace, checks: ($rows | map(del(.again)))}
  | '"$TALLY"' + {again: any($rows[]; .again == true), seen: $seen}'

# Checks the live fleet, result in $work/checks; fails if it cannot. What the load balancer, KEDA and the HPA know follows a
# change within seconds: such a check fails only where it does so four times.
check_fleet() {
  local pod file missing='' tries=0
  # As a run leaves out 60-monitoring.yaml where the Prometheus operator is not installed.
  for file in "$set_dir"/*.yaml; do
    case $file in */kustomization.yaml) continue ;; esac
    [ -s "$work/json/${file##*/}" ] || missing="$missing ${file##*/}"
  done
  cat "$work"/json/* >"$work/wanted-objects"
  : >"$work/checks"
  look policies networkpolicies -n "$namespace"
  look daemonsets daemonsets --all-namespaces
  # Nothing is asked for that the set does not have: its custom resource definitions need not be there.
  : | tee "$work/live-"{scaled,hpas,nodepools,classes,monitors,prometheuses} "$work/error-"{scaled,hpas,nodepools,classes,monitors,prometheuses} >/dev/null
  if has 10-nodepools.yaml; then
    look nodepools nodepools.karpenter.sh
    look classes ec2nodeclasses.karpenter.k8s.aws
  fi
  if has 60-monitoring.yaml; then
    look monitors servicemonitors.monitoring.coreos.com -n "$namespace"
    look prometheuses prometheuses.monitoring.coreos.com --all-namespaces
  fi
  while :; do
    look deployments deployments -n "$namespace"
    look pods pods -n "$namespace"
    if has 50-scaledobjects.yaml; then
      look scaled scaledobjects.keda.sh -n "$namespace"
      look hpas hpa -n "$namespace"
    fi
    : >"$work/page"
    if [ -s "$work/live-pods" ]; then echo "no pod of $LB" >"$work/error"; else cp "$work/error-pods" "$work/error"; fi
    : >"$work/forward-error"
    pod=$(jq -r --arg app "$LB" '[.items[]? | select(.metadata.labels.app == $app and .metadata.deletionTimestamp == null)]
      | sort_by(.metadata.creationTimestamp // "") | last // empty | .metadata.name' "$work/live-pods")
    if [ -n "$pod" ]; then
      lb_page "$pod" "/metrics?scope=backend" >"$work/page" || : >"$work/page"
    fi
    echo "exec: $(head -n 1 "$work/error")$([ ! -s "$work/forward-error" ] || echo ", port-forward: $(head -n 1 "$work/forward-error")")" >"$work/error-page"
    sed -n -e 's/^haproxy_backend_current_sessions{proxy="\(bk_[a-z0-9]*\)"} /\1 sessions /p' \
      -e 's/^haproxy_backend_active_servers{proxy="\(bk_[a-z0-9]*\)"} /\1 servers /p' "$work/page" >"$work/lb"
    # The namespace is empty where it may not be read.
    jq -n --arg cluster "$cluster" --arg context "$context" --arg namespace "$namespace" --arg paused "$PAUSED" --arg missing "$missing" \
      --slurpfile set "$work/wanted-objects" --slurpfile before "$work/checks" --slurpfile live_namespace "$work/namespace" \
      --rawfile page "$work/lb" --rawfile page_error "$work/error-page" \
      --slurpfile deployments "$work/live-deployments" --rawfile deployments_error "$work/error-deployments" \
      --slurpfile pods "$work/live-pods" --rawfile pods_error "$work/error-pods" \
      --slurpfile scaled "$work/live-scaled" --rawfile scaled_error "$work/error-scaled" \
      --slurpfile hpas "$work/live-hpas" --rawfile hpas_error "$work/error-hpas" \
      --slurpfile nodepools "$work/live-nodepools" --rawfile nodepools_error "$work/error-nodepools" \
      --slurpfile classes "$work/live-classes" --rawfile classes_error "$work/error-classes" \
      --slurpfile policies "$work/live-policies" --rawfile policies_error "$work/error-policies" \
      --slurpfile daemonsets "$work/live-daemonsets" --rawfile daemonsets_error "$work/error-daemonsets" \
      --slurpfile monitors "$work/live-monitors" --rawfile monitors_error "$work/error-monitors" \
      --slurpfile prometheuses "$work/live-prometheuses" --rawfile prometheuses_error "$work/error-prometheuses" \
      "$CHECKS" >"$work/checks-now" || return 1
    mv "$work/checks-now" "$work/checks"
    tries=$((tries + 1))
    if [ "$tries" = 4 ] || ! grep -q '^  "again": true' "$work/checks"; then break; fi
    sleep "$poll_s"
  done
}

# ---------------------------------------------------------------- smoke builds

# Longer than a client waits in the queue, and than a node takes to start. DEPLOY_SMOKE_S: for tests.
readonly SMOKE_S=${DEPLOY_SMOKE_S:-300}

# jq: the Job of a smoke build. Its pod satisfies the restricted Pod Security Standard and the quotas of a namespace, and
# runs the builders image, which has buildctl and a shell. The file is new each time, so that no cache answers for a builder.
# If this script is killed, the cluster ends the Job and removes it. Its deadline is past the end of our own wait: with the
# Job's end the pod is deleted, and its log.
# shellcheck disable=SC2016
readonly SMOKE_JOB='
  (map(select(.kind == "Deployment" and .metadata.labels.arch == $arch)) | first) as $pool
  | "tcp://buildkitd-\($arch).\($namespace):1234" as $address
  | ["/certificates/ca.crt", "/certificates/tls.crt", "/certificates/tls.key"] as [$ca, $certificate, $key]
  | {apiVersion: "batch/v1", kind: "Job",
     metadata: {name: $name, namespace: $in, labels: {"app.kubernetes.io/name": "buildkit-fleet-smoke", "app.kubernetes.io/part-of": "buildkit-fleet"}},
     spec: {backoffLimit: 0, activeDeadlineSeconds: ($seconds + 120), ttlSecondsAfterFinished: 600, template: {
       metadata: {labels: {"app.kubernetes.io/name": "buildkit-fleet-smoke", "app.kubernetes.io/part-of": "buildkit-fleet"}},
       spec: ({restartPolicy: "Never", automountServiceAccountToken: false, enableServiceLinks: false,
         securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {type: "RuntimeDefault"}},
         containers: [{name: "buildctl", image: ([$pool.spec.template.spec.containers[] | select(.name == "buildkitd")] | first | .image),
           command: (["/bin/sh", "-c", "set -e; cd /tmp; mkdir context; printf \"FROM scratch\\nCOPY file /file\\n\" >context/Dockerfile; { date; hostname; } >context/file; exec buildctl \"$@\"", "buildctl",
             "--addr", $address, "--wait", "--timeout", "\($seconds * 2 / 3 | floor)"]
             + (if $secret == "" then [] else ["--tlscacert", $ca, "--tlscert", $certificate, "--tlskey", $key] end)
             + ["build", "--progress", "plain", "--frontend", "dockerfile.v0", "--local", "context=/tmp/context", "--local", "dockerfile=/tmp/context"]),
           env: [{name: "HOME", value: "/tmp"}],
           resources: {requests: {cpu: "50m", memory: "64Mi", "ephemeral-storage": "16Mi"}, limits: {cpu: "500m", memory: "256Mi", "ephemeral-storage": "128Mi"}},
           securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: {drop: ["ALL"]}},
           volumeMounts: ([{name: "tmp", mountPath: "/tmp"}] + if $secret == "" then [] else [{name: "certificates", mountPath: "/certificates", readOnly: true}] end)}],
         volumes: ([{name: "tmp", emptyDir: {}}] + if $secret == "" then [] else [{name: "certificates", secret: {secretName: $secret}}] end)}
         + if $pool.spec.template.spec.imagePullSecrets == null then {} else {imagePullSecrets: $pool.spec.template.spec.imagePullSecrets} end)}}}'

# Deletes the Job of a smoke build with its pod.
end_smoke_build() {
  [ "${#smoke_job[@]}" != 0 ] || return 0
  kc delete job "${smoke_job[@]}" --wait=false >"$work/out" 2>"$work/error" || say "cannot delete Job/${smoke_job[0]}: $(tail -n 1 "$work/error")"
  smoke_job=()
}

# Adds a result to the checks.
smoke_result() {
  jq -cn --arg arch "$1" --arg namespace "$namespace" --arg status "$2" --arg detail "$3" \
    '{check: "build", object: "tcp://buildkitd-\($arch).\($namespace):1234", status: $status, detail: ($detail | gsub("[[:cntrl:]]"; " "))}' >>"$work/builds"
}

# Runs one build after the other as a client of the fleet would, and adds the results to the checks.
smoke_builds() {
  local arch min certificates client
  : >"$work/builds"
  # An architecture, its minimum, whether its builders want certificates, and the first namespace of clients.
  jq -rs 'map(select(.kind == "ScaledObject")) as $scaled
    | ([.[] | select(.kind == "NetworkPolicy" and .metadata.name == "buildkitd-lb-ingress") | .spec.ingress[0].from[]?
        | .namespaceSelector.matchLabels["kubernetes.io/metadata.name"] // empty] | first // "-") as $client
    | .[] | select(.kind == "Deployment" and .metadata.labels.arch != null) | .metadata.name as $name
    | "\(.metadata.labels.arch) \([$scaled[] | select(.spec.scaleTargetRef.name == $name) | .spec.minReplicaCount // 0] | first // .spec.replicas // 1) \(any(.spec.template.spec.volumes[]?; .name == "tls")) \($client)"' \
    "$work/wanted-objects" >"$work/pools" || die "$EXIT_FAILED" "cannot read the pools of the set"
  while read -r arch min certificates client <&6; do
    case ",${smoke:-$arch}," in *",$arch,"*) ;; *) continue ;; esac
    client=${smoke_namespace:-$client}
    if [ -z "$smoke" ] && [ "$min" = 0 ]; then
      smoke_result "$arch" "not known" "not tried, the pool may sleep: use --smoke $arch"
    elif [ "$certificates" = true ] && [ -z "$smoke_secret" ]; then
      smoke_result "$arch" "not known" "not tried, builders want a client's certificate: use --smoke-secret"
    elif [ "$client" = - ]; then
      smoke_result "$arch" "not known" "not tried, the set names no namespace of clients: use --smoke-namespace"
    else
      smoke_build "$arch" "$client"
    fi
  done 6<"$work/pools"
  jq --slurpfile builds "$work/builds" ".checks += \$builds | $TALLY" "$work/checks" >"$work/checks-now" ||
    die "$EXIT_FAILED" "cannot add the smoke builds to the checks"
  mv "$work/checks-now" "$work/checks"
}

# jq: how the pod of a smoke build fares, `built`, `failed`, `runs` or `waits` and why. Read from its container: a sidecar
# that is added to it would keep the pod, and the Job, from ending.
# shellcheck disable=SC2016
readonly SMOKE_STATE='
  def because: "\(.reason // "") \(.message // "")" | gsub("^ +| +$"; "");
  [.items[]] | last as $pod | ([$pod.status.containerStatuses[]? | select(.name == "buildctl") | .state] | first) as $state
  | if $pod == null then "waits it was not created"
    elif $state.terminated.exitCode == 0 then "built"
    elif $state.terminated != null then "failed buildctl ended with \($state.terminated.exitCode)"
      + (if $state.terminated.reason // "Error" == "Error" then "" else ", \($state.terminated.reason)" end)
    elif $pod.status.phase == "Failed" then "waits " + ($pod.status | because)
    elif $state.running != null then "runs"
    else "waits " + ([($state.waiting // empty), ($pod.status.conditions[]? | select(.status != "True"))] | map(select(.message != null)) + .
      | first // {} | because) end'

# Builds once on an architecture, from a namespace. A pod that never runs says nothing of the fleet.
smoke_build() {
  local arch=$1 in=$2 name started took state='' event
  name=buildkit-fleet-smoke-$arch-$$
  jq -s --arg arch "$arch" --arg namespace "$namespace" --arg in "$in" --arg name "$name" --arg secret "$smoke_secret" --argjson seconds "$SMOKE_S" \
    "$SMOKE_JOB" "$work/wanted-objects" >"$work/job.json" || die "$EXIT_FAILED" "cannot write the Job of a smoke build"
  say "building on $arch from namespace $in"
  if ! kc create -f "$work/job.json" >"$work/out" 2>"$work/error"; then
    smoke_result "$arch" "not known" "not tried: $(tail -n 1 "$work/error")"
    return
  fi
  smoke_job=("$name" -n "$in")
  started=$(date +%s)
  while :; do
    if kc get pods -n "$in" -l "job-name=$name" -o json >"$work/smoke-pod" 2>"$work/error"; then
      state=$(jq -r "$SMOKE_STATE" "$work/smoke-pod")
    else
      state="waits its pod cannot be read: $(tail -n 1 "$work/error")"
      if grep -q '(Forbidden)' "$work/error"; then break; fi
    fi
    took=$(($(date +%s) - started))
    case $state in built | failed*) break ;; esac
    if [ "$took" -ge "$SMOKE_S" ]; then break; fi
    sleep "${DEPLOY_POLL_S:-3}"
  done
  case $state in
    built) smoke_result "$arch" ok "built from namespace $in, $(length "$took") with the start of its pod" ;;
    waits*)
      # What keeps a Job from creating its pod, such as a quota, is told by an event alone.
      event=$(kc get events -n "$in" --field-selector "involvedObject.name=$name" -o json 2>/dev/null | jq -r '[.items[]? | select(.type == "Warning") | .message] | last // empty')
      smoke_result "$arch" "not known" "its pod in namespace $in did not run in $(length "$took"): ${event:-${state#waits }}"
      ;;
    *)
      state=${state#failed }
      [ "$state" != runs ] || state="it has not ended after $(length "$took")"
      smoke_result "$arch" failed "the build from namespace $in failed: $state"
      say "the end of its log:"
      kc logs "job/$name" -n "$in" -c buildctl --tail=30 2>&1 | sed 's/^/  /' >&2
      ;;
  esac
  end_smoke_build
}

# Prints the result of check_fleet.
print_checks() {
  if [ "$format" = json ]; then
    jq 'del(.again, .seen)' "$work/checks"
    return
  fi
  jq -r 'def pad($width): . + ([range($width - length) | " "] | join(""));
    (.checks | map(.object | length) | max // 0) as $width
    | (.checks[] | (.status | pad(9)) + "  " + (.check | pad(11)) + "  " + (.object | pad($width)) + "  " + .detail),
      "\(.ok) ok, \(.failed) failed, \(.not_known) not known"' "$work/checks"
}

# The end of a run that has succeeded, whatever the checks say: they also see what the run has nothing to do with.
end_with_checks() {
  local answer
  say ""
  say "checks of the fleet (\`--verify\` repeats them):"
  if ! check_fleet; then
    say "it cannot be compared with the set"
    return
  fi
  if [ "$first_install" = 1 ] && [ "$yes" = 0 ] && [ -t 0 ]; then
    printf 'Run a small build on each architecture, by a Job in the first of the client namespaces? [y/N] ' >&2
    read -r answer
    case $answer in y | Y | yes) smoke_builds ;; esac
  fi
  print_checks >&2
}

# ---------------------------------------------------------------- the run

if [ "$only_history" = 1 ]; then
  find_fleet
  read_history || die "$EXIT_FAILED" "cannot read the saved sets: $(tail -n 1 "$work/error")"
  if [ -n "$revision" ]; then write_revision; else print_history; fi
  exit 0
fi
if [ "$only_retire" = 1 ]; then
  retire
  exit 0
fi
if [ -n "$overlay" ]; then take_overlay; else take_set; fi
check_context
if [ "$only_verify" = 1 ]; then
  before_checks
  read_set
  check_fleet || die "$EXIT_FAILED" "cannot compare the fleet with the set"
  if [ "$smoke" != none ]; then smoke_builds; fi
  print_checks
  [ "$(jq .failed "$work/checks")" = 0 ] || exit "$EXIT_CHECK"
  exit 0
fi
preflight
read_set
builders=$(desired 40-deployments.yaml | jq -r .metadata.name)
say "$cluster: $(echo "$files" | wc -l | tr -d ' ') files from ${overlay:-$dir/$cluster} for context $context, namespace $namespace"
if [ "$only_hand_over" = 1 ]; then
  hand_over_to_others
  exit 0
fi
if [ "$first_install" = 1 ]; then first_installation; fi
compare
[ "$first_install" = 1 ] || lost_registries
[ "$first_install" = 1 ] || paused_pools
if [ -z "$changed" ]; then
  say "$cluster: nothing to apply"
  if [ "$dry_run" = 0 ]; then
    save_set
    # The rollout of an earlier run may not be complete yet.
    wait_for "$LB $builders"
    tidy_configs
  fi
  handle_leftovers
  [ "$dry_run" = 1 ] || end_with_checks
  exit 0
fi
if [ "$first_install" = 0 ]; then
  # Limits, weight and disruption of a NodePool replace no node.
  would_change 10-nodepools.yaml 'if .kind == "NodePool" then .spec.template else .spec end'
  if [ -n "$altered" ]; then say "replaces nodes, 10 % at a time, builders drain first: $altered"; fi
  sleeping_pools
fi
say "to apply:$changed"
if [ "$dry_run" = 1 ]; then
  if [ "$first_install" = 1 ]; then
    say "namespace $namespace does not exist yet: only cluster-scoped objects can be checked"
  fi
  [ "$first_install" = 0 ] || files=$(grep -E '^(00-namespace|10-nodepools)' <<<"$files")
  for file in $files; do
    if [ "$(live "$file" | jq -r "[$ITEMS | select($FOREIGN)] | length")" -gt 0 ] 2>/dev/null; then
      say "$file: was applied client-side; it can be checked only after it is adopted"
      continue
    fi
    kc apply --server-side --force-conflicts --field-manager="$MANAGER" --dry-run=server -f "$set_dir/$file" >&2 || die "$EXIT_FAILED" "the cluster rejects $file"
  done
  exit 0
fi

lb_rolls=0 lb_unfinished=0 builders_roll=0 guard_first=0 cut=''
if would_roll 30-lb-deployment.yaml; then
  lb_rolls=1
  if [ "$first_install" = 0 ] && guard_comes_first; then
    lb_rolls=0 guard_first=1
    say "builders get their guard (\`one_build_guard\`) before the load balancer goes by it: it does not roll in this run"
  fi
elif rollout_unfinished "$LB"; then
  lb_unfinished=1
  say "the rollout of $LB from an earlier run is not complete: the builders do not roll in this run"
fi
if would_roll 40-deployments.yaml; then builders_roll=1; fi
if [ "$lb_rolls" = 1 ]; then
  before_roll "the load balancer would" "$LB"
elif [ "$builders_roll" = 1 ] && [ "$lb_unfinished" = 0 ]; then
  before_roll "builders would" buildkitd
fi

for file in $files; do
  case $file in
    30-lb-deployment.yaml) [ "$guard_first" = 1 ] || apply_file "$file" ;;
    40-deployments.yaml)
      wait_for "$LB"
      if [ "$((lb_rolls + lb_unfinished))" != 0 ] && [ "$builders_roll" = 1 ]; then
        say "the load balancer has rolled; the builders roll in a separate run. Run again when the old load balancer has stopped."
        exit "$EXIT_AGAIN"
      fi
      case " $changed " in
        *" $file "*)
          leave_keda
          apply_file "$file"
          ;;
      esac
      ;;
    # ScaledObjects, too, do not wait for the builders: an architecture without nodes would keep the other one unscaled.
    *) apply_file "$file" ;;
  esac
done
if [ "$guard_first" = 1 ]; then
  wait_for "$builders"
  say "the builders refuse a second build now; the load balancer rolls in a separate run. Run again."
  exit "$EXIT_AGAIN"
fi
save_set
# Also if this run did not touch them: it ends with 0 only when they are ready.
wait_for "$builders"
tidy_configs
handle_leftovers
summary
end_with_checks
