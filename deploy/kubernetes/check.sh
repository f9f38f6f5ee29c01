#!/usr/bin/env bash
# Holds the manifests to the schemas of Kubernetes 1.30, KEDA and KServe, without a cluster: kustomize builds each
# folder, and kubectl-validate, which has the API server's own checks of a manifest, checks it. Mistakes that are
# planted must be found, else the check shows nothing. The tools and the schemas come as Go modules.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/.tools work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'deploy/kubernetes/check.sh: %s\n' "$*" >&2; exit 1; }

# 5.8.3 needs Go 1.27.
[ -x "$tools/kustomize" ] || GOBIN=$tools go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
[ -x "$tools/kubectl-validate" ] || GOBIN=$tools go install sigs.k8s.io/kubectl-validate@v0.0.4
# module PATH@VERSION: its folder. Outside of our module, so that nothing of it enters go.sum.
module() { (cd "$work" && go mod download -json "$1") | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'; }
kserve=$(module github.com/kserve/kserve@v0.15.2)
keda=$(module github.com/kedacore/keda/v2@v2.17.2)
validate() { "$tools/kubectl-validate" "$1" --version 1.30 --local-crds "$kserve/config/crd/full" --local-crds "$keda/config/crd/bases"; }

for folder in base overlays/cpu overlays/cuda overlays/keda kserve; do
  built=$work/${folder//\//-}.yaml
  "$tools/kustomize" build "deploy/kubernetes/$folder" >"$built"
  validate "$built" >"$work/said" 2>&1 || fail "$folder: $(cat "$work/said")"
  echo "$folder: $(grep -c '^kind:' "$built") objects hold"
done

# planted FILE FROM TO: the manifest with a mistake in it must be refused.
planted() {
  sed "s|$2|$3|" "$work/$1.yaml" >"$work/wrong.yaml"
  ! cmp -s "$work/$1.yaml" "$work/wrong.yaml" || fail "$1 has no $2 to make a mistake of"
  ! validate "$work/wrong.yaml" >"$work/said" 2>&1 || fail "the mistake $3 in $1 was not found"
}
planted base 'replicas: 3' 'replicas: three'
planted base 'readOnlyRootFilesystem' 'readOnlyRootFileSystem'
planted base 'runAsUser: 65532' 'runAsUser: root'
planted base 'clusterIP: None' 'clusterIp: None'
planted overlays-keda 'maxReplicaCount: 12' 'maxReplicas: 12'
planted overlays-keda 'metricType: AverageValue' 'metricTypes: AverageValue'
planted kserve 'modelFormat:' 'modelFormats:'
planted kserve 'protocolVersions:' 'protocolVersion:'

# What no schema knows: a pod lives as long as its drain may take, the policy and the disruption budget are of the
# replicas and of no other pod, the clients need no label but theirs, and both proxies are told the same.
python3 - "$work" <<'PY'
import pathlib, re, sys
for folder in "base", "kserve":
    text = pathlib.Path(sys.argv[1], f"{folder}.yaml").read_text()
    def seconds(name, otherwise):
        found = re.search(rf"name: {name}\n\s+value: (\d+)s", text)
        return int(found[1]) if found else otherwise
    grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", text)[1])
    least = seconds("ASSAY_DRAIN_DELAY", 0) + 2 * seconds("ASSAY_DRAIN_TIMEOUT", 30)
    if grace < least:
        sys.exit(f"{folder}: a pod is killed after {grace} s, and its drain may take {least} s")
objects = {re.search(r"^kind: (\w+)", one, re.M)[1]: one for one in pathlib.Path(sys.argv[1], "base.yaml").read_text().split("\n---\n")}
own = r"elector:\n\s+matchLabels:\n\s+app.kubernetes.io/name: assay\n"
for kind, selector in ("PodDisruptionBudget", r"^  s" + own), ("NetworkPolicy", r"^  podS" + own):
    if not re.search(selector, objects[kind] + "\n", re.M):
        sys.exit(f"the {kind} is not of the replicas alone")
clients = objects["NetworkPolicy"].split("ingress:")[1].split("namespaceSelector")[0]
if "assay.dev/client" not in clients or "app.kubernetes.io/name" in clients:
    sys.exit("clients need another label than assay.dev/client to reach the replicas")
PY
bin/assay serve --help | grep -o '[$]ASSAY_[A-Z_]*' | tr -d '$' | sort -u >"$work/known"
echo ASSAY_TOKEN >>"$work/known" # which --help tells of in a sentence
unknown=$(grep -oh 'name: ASSAY_[A-Z_]*' "$work"/*.yaml | cut -d' ' -f2 | sort -u | grep -vxFf "$work/known" || true)
[ -z "$unknown" ] || fail "the server knows no variable $unknown"
rules() { sed -n '/^backend replicas/,/http-after-response/p' "$1"; }
[ "$(rules deploy/haproxy/haproxy.cfg)" = "$(rules deploy/kubernetes/routing/haproxy.cfg)" ] || fail "routing/haproxy.cfg routes otherwise than ../haproxy/haproxy.cfg"
.runtime/debian/haproxy -c -f deploy/kubernetes/routing/haproxy.cfg >"$work/said" 2>&1 || fail "routing/haproxy.cfg: $(cat "$work/said")"
echo "planted mistakes are found"
