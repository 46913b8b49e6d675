// Module keda names the version of KEDA that the CRDs of its ScaledObjects are taken from.
module sluice.dev/sluice/e2e/cluster/keda

go 1.26.8

require github.com/kedacore/keda/v2 v2.21.0
