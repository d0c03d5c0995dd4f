//! The arithmetic: against the numbers of running fleets, and as properties over every type of the catalogue.

use buildkit_fleet::catalogue::instances::{self, InstanceType};
use buildkit_fleet::config::Buildkit;
use buildkit_fleet::fleet::sizing::{self, PodSize};
use buildkit_fleet::resolve::instances::look_up;
use proptest::prelude::*;

fn known(name: &str) -> InstanceType {
    look_up(name, None).unwrap_or_else(|missing| panic!("{name}: {missing:?}"))
}

fn pod(vcpu: u64, gib: u64) -> PodSize {
    PodSize { vcpu, gib }
}

#[test]
fn pods_have_the_size_that_running_fleets_have() {
    let cases = [
        ("m6id.24xlarge", 2, pod(42, 155)),
        ("m7gd.16xlarge", 4, pod(14, 51)),
        ("m6id.12xlarge", 1, pod(42, 156)),
        ("m6id.4xlarge", 2, pod(7, 25)),
        // Of 6849m, six whole vCPU.
        ("m6id.2xlarge", 1, pod(6, 25)),
    ];
    for (name, pods_per_node, expected) in cases {
        assert_eq!(sizing::pod_size(&known(name), pods_per_node), expected, "{name} at {pods_per_node}");
    }
}

#[test]
fn usable_resources_match_the_measured_table() {
    let cases = [("m6id.24xlarge", 95_390, 354_822), ("m6id.12xlarge", 47_510, 178_493)];
    for (name, millicores, mib) in cases {
        assert_eq!(sizing::usable(&known(name)), sizing::Usable { millicores, mib }, "{name}");
    }
}

#[test]
fn a_smaller_type_holds_what_running_fleets_put_on_it() {
    assert_eq!(sizing::fits(&known("m6id.12xlarge"), pod(42, 155)), 1);
    assert_eq!(sizing::fits(&known("m6id.24xlarge"), pod(42, 155)), 2);
    assert_eq!(sizing::fits(&known("c6id.24xlarge"), pod(42, 155)), 1);
}

#[test]
fn kubelet_reservations_follow_nodeadm() {
    let cpu = [(1, 60), (2, 70), (4, 80), (8, 90), (16, 110), (48, 190), (64, 230), (96, 310), (128, 390)];
    for (vcpu, millicores) in cpu {
        assert_eq!(sizing::kube_reserved_millicores(vcpu), millicores, "{vcpu} vCPU");
    }
    assert_eq!(sizing::kube_reserved_mib(737), 8362);
}

#[test]
fn numa_aligns_what_it_can_on_two_sockets() {
    let node = known("m6id.24xlarge");
    let aligned: Vec<u64> = (1..=6)
        .filter(|n| {
            let pod = sizing::pod_size(&node, *n);
            sizing::fits_with_all_memory(&node, pod).max(*n) <= sizing::fits_numa(&node, pod)
        })
        .collect();
    assert_eq!(aligned, [1, 2, 4, 6]);
}

#[test]
fn slots_are_twice_the_peak_in_steps_of_64() {
    let cases = [(1, 64), (8, 64), (32, 64), (33, 128), (360, 768), (1000, 2048)];
    for (peak, slots) in cases {
        assert_eq!(sizing::server_slots(peak), slots, "{peak} pods");
    }
}

#[test]
fn a_dns_answer_has_the_measured_size() {
    let name = "buildkitd-amd64-pods.buildkit.svc.cluster.local";
    // Measured: 289 AAAA or 507 A records fit into 8192 bytes, 290 and 508 do not.
    assert!(sizing::dns_answer_bytes(name, 289, 28) <= 8192 && sizing::dns_answer_bytes(name, 290, 28) > 8192);
    assert!(sizing::dns_answer_bytes(name, 507, 16) <= 8192 && sizing::dns_answer_bytes(name, 508, 16) > 8192);
}

#[test]
fn disk_shares_leave_the_free_space_alone() {
    for n in 1..=35 {
        let shares = sizing::cache_shares(n);
        assert!(shares.reserved_percent >= 1, "{n}");
        assert!(shares.max_used_percent * n + sizing::MIN_FREE_PERCENT <= 100, "{n}");
    }
    assert_eq!(sizing::cache_shares(4), sizing::CacheShares { max_used_percent: 17, reserved_percent: 8 });
    assert_eq!(sizing::cache_request_gb(5700, 2), 1710);
}

#[test]
fn the_catalogue_is_whole() {
    let all: Vec<InstanceType> = instances::catalogue().collect();
    assert_eq!(all.len(), 527);
    let rows = include_str!("../../data/instance-types.csv").lines().filter(|line| !line.starts_with('#')).count() - 1;
    assert_eq!(all.len(), rows, "a row does not parse");
    assert!(all.iter().all(|instance| instance.local_nvme_gb > 0 && instance.vcpu > 0 && instance.numa_nodes > 0));
    assert!(all.iter().all(|instance| instance.vcpu % instance.numa_nodes == 0), "sockets of unequal size");
    for default in buildkit_fleet::values::arch::Arch::ALL {
        let name = Buildkit::standard().of(default).instance_type.required();
        assert_eq!(known(name.as_str()).arch, default);
    }
}

proptest! {
    #[test]
    fn a_pod_cut_from_a_type_fits_it_as_often_as_it_was_cut(index in 0usize..527, n in 1u64..=35) {
        let instance = instances::catalogue().nth(index).expect("the catalogue has 527 rows");
        let pod = sizing::pod_size(&instance, n);
        if pod.vcpu > 0 && pod.gib > 0 {
            prop_assert!(sizing::fits(&instance, pod) >= n);
            prop_assert!(sizing::fits_with_all_memory(&instance, pod) >= sizing::fits(&instance, pod));
        }
    }

    #[test]
    fn more_pods_are_never_larger(index in 0usize..527, n in 1u64..35) {
        let instance = instances::catalogue().nth(index).expect("the catalogue has 527 rows");
        let (few, many) = (sizing::pod_size(&instance, n), sizing::pod_size(&instance, n + 1));
        prop_assert!(few.vcpu >= many.vcpu && few.gib >= many.gib);
    }

    #[test]
    fn integer_arithmetic_equals_the_float_form_that_it_replaces(usable in 0u64..800_000, n in 1u64..=35) {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let float = ((usable as f64) * 0.90 / (n as f64)).floor() as u64;
        prop_assert_eq!(usable * 9 / (10 * n), float);
    }

    #[test]
    fn node_limits_carry_the_peak_twice(peak in 1u64..10_000, n in 1u64..=35) {
        prop_assert!(sizing::node_limit(peak, n) * n >= 2 * peak);
        prop_assert!((sizing::node_limit(peak, n) / 2 - 1) * n < peak);
    }
}
