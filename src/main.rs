//! buildkit-fleet, the program.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(buildkit_fleet::run() as u8)
}
