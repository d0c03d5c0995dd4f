//! Names, ids and tags of AWS, by the rules of its API.

use crate::values::pattern::{names, words};

/// Characters of a tag's key and value (EC2 user guide, "Tag restrictions").
const TAG: &str = "[A-Za-z0-9 +=._:/@-]";

/// Keys of tags that EKS and Karpenter write themselves (CRD ec2nodeclasses.karpenter.k8s.aws, `spec.tags`).
const RESERVED_TAGS: [&str; 4] =
    ["eks:eks-cluster-name", "karpenter.sh/nodepool", "karpenter.sh/nodeclaim", "karpenter.k8s.aws/ec2nodeclass"];

names! {
    /// Name of an IAM role, without its path (IAM API, `RoleName`).
    RoleName: "the name of an IAM role (letters, digits and `_+=,.@-`, up to 64 characters, with a letter, digit or `_` first), not its ARN",
        pattern "^[A-Za-z0-9_][A-Za-z0-9_+=,.@-]*$", longest 64, examples &["KarpenterNodeRole-prod", "builders"];
    /// Name of an instance profile, without its path (IAM API, `InstanceProfileName`).
    InstanceProfileName: "the name of an instance profile (letters, digits and `_+=,.@-`, up to 128 characters, with a letter, digit or `_` first), not its ARN",
        pattern "^[A-Za-z0-9_][A-Za-z0-9_+=,.@-]*$", longest 128, examples &["builders-profile", "KarpenterNodeInstanceProfile-prod"];
    /// Id of a subnet.
    SubnetId: "the id of a subnet, such as `subnet-0123456789abcdef0`",
        pattern "^subnet-[0-9a-z]+$", longest 64, examples &["subnet-0123456789abcdef0", "subnet-01234567"];
    /// Id of a security group.
    SecurityGroupId: "the id of a security group, such as `sg-0123456789abcdef0`",
        pattern "^sg-[0-9a-z]+$", longest 64, examples &["sg-0123456789abcdef0", "sg-01234567"];
    /// Name of a security group, which is not its tag `Name`.
    SecurityGroupName: "the name of a security group (letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`, up to 255 characters)",
        pattern "^[A-Za-z0-9]([A-Za-z0-9 ._:/()#,@+=&;!$*\\[\\]{}-]*[A-Za-z0-9)\\]}])?$", longest 255, examples &["nodes", "prod nodes (private)"];
    /// Id of a machine image.
    AmiId: "the id of an AMI, such as `ami-0123456789abcdef0`",
        pattern "^ami-[0-9a-z]+$", longest 64, examples &["ami-0123456789abcdef0", "ami-01234567"];
    /// A KMS key: id, alias or ARN.
    KmsKey: "a KMS key: its id, ARN or `alias/` and a name",
        pattern "^((arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:)?(key/|alias/))?[A-Za-z0-9][A-Za-z0-9/_-]*$", longest 512,
        examples &["arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "alias/builders"];
    /// Key of a tag that nobody else writes.
    TagKey: "a tag key (letters, digits, spaces and `+-=._:/@`, up to 128 characters, with a letter, digit or `_.:/` first) that neither AWS nor Karpenter writes itself",
        pattern format!("^[A-Za-z0-9_.:/]({TAG}*[A-Za-z0-9+=._:/@-])?$"), longest 128, examples &["team", "CostCenter"],
        and |text: &str| {
            !text.starts_with("aws:") && !text.starts_with("kubernetes.io/cluster") && !RESERVED_TAGS.contains(&text)
        };
    /// Value of a tag.
    TagValue: "a tag value (letters, digits, spaces and `+-=._:/@`, up to 256 characters)",
        pattern format!("^({TAG}*)$"), longest 256, examples &["builds", "4711"];
    /// Key of a tag that selects subnets or security groups.
    SelectorTagKey: "a tag key (letters, digits, spaces and `+-=._:/@`, up to 128 characters, with a letter, digit or `_.:/` first)",
        pattern format!("^[A-Za-z0-9_.:/]({TAG}*[A-Za-z0-9+=._:/@-])?$"), longest 128, examples &["karpenter.sh/discovery", "Tier"];
    /// Value of a tag that selects subnets or security groups; `*` is any value.
    SelectorTagValue: "a tag value (letters, digits, spaces and `+-=._:/@`, up to 256 characters), or `*` for any",
        pattern format!("^({TAG}{{1,256}}|\\*)$"), longest 256, examples &["private", "*"];
}

words! {
    /// How Karpenter buys a node (label karpenter.sh/capacity-type).
    pub CapacityType: ["on-demand", "spot", "reserved"];
}

impl CapacityType {
    pub fn is_spot(self) -> bool {
        self.0 == "spot"
    }
}
