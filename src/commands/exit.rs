//! Exit codes.

/// How a run ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    /// The input was refused, or a comparison found a difference.
    Refused = 1,
    Usage = 2,
    /// Reading or writing failed, or an internal error.
    Failed = 3,
}
