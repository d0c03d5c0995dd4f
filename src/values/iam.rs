//! Names of AWS IAM.

use crate::values::pattern::names;

names! {
    /// Name of a role, without its path (IAM API, `RoleName`).
    RoleName: "the name of an IAM role (letters, digits and `_+=,.@-`, up to 64 characters, with a letter, digit or `_` first), not its ARN",
        pattern "^[A-Za-z0-9_][A-Za-z0-9_+=,.@-]*$", longest 64, examples &["KarpenterNodeRole-prod", "builders"];
}
