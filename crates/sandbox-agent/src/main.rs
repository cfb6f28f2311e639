//! `zona-agent`: the program inside a sandbox. It builds the sandbox's root, locks itself in, starts the zygote interpreter,
//! and hands sealed children to the server over one control socket.
//!
//! ```text
//! zona-agent docker --socket PATH                          process 1 of a hardened container
//! zona-agent gvisor --socket PATH                          process 1 of a container that gVisor runs
//! zona-agent namespace --socket PATH [--uid N --gid N]     started on the host; makes the container itself
//! zona-agent landlock --socket PATH [--uid N --gid N]      started on a host that grants no namespaces
//! ```
//!
//! It deliberately reads no byte of a tenant: programs and results travel through pipes between the server and each child.
//! When it ends, for whatever reason, the kernel ends everything in the sandbox.
//!
//! The control socket is connected before identities change, so the server sees the process it started as its peer.

mod arguments;
mod attest;
mod channel;
mod children;
mod confined;
mod control;
mod fault;
mod filter;
mod gvisor;
mod home;
mod isolation;
mod landlock;
mod outside;
mod restore;
mod root;
mod rounds;
mod serve;
mod sys;
mod weaken;
mod zygote;

// Shared with the seal, which uses more of them.
#[allow(unsafe_code, dead_code)]
mod linux;
#[allow(dead_code)]
mod part;
#[allow(unsafe_code, dead_code)]
mod privileges;
#[allow(dead_code)]
mod stage;
// Compiled on their own by build.rs, and not here; named so that rustfmt sees them.
#[cfg(any())]
mod breed;
#[cfg(any())]
mod line;
#[cfg(any())]
mod seal;

use std::{env, io, process::ExitCode};

use sandbox_protocol::{
    call_policy::{CallPolicy, OUTER, OUTER_FOLLOWING, OUTER_LANDLOCK},
    control::Configure,
};

use crate::{
    arguments::{Arguments, Identity, Mode, Namespaced},
    attest::Own,
    confined::Confined,
    control::Control,
    fault::{AtStage, Fault},
    isolation::Side,
    outside::Outside,
    serve::Sandbox,
    zygote::Zygote,
};

/// Exit status for wrong arguments, as command line programs use it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("zona-agent: {error}");
            return ExitCode::from(USAGE);
        }
    };
    let control = match Control::connect(&arguments.socket) {
        Ok(control) => control,
        Err(error) => {
            eprintln!("zona-agent: cannot connect to {}: {error}", arguments.socket.display());
            return ExitCode::FAILURE;
        }
    };
    match run(arguments.mode, &control) {
        Ok(code) => code,
        Err(fault) => {
            control.report_fault(fault);
            ExitCode::FAILURE
        }
    }
}

/// From the first message to the last. In namespace mode two processes return from here: the one inside and the one that waits.
fn run(mode: Mode, control: &Control) -> Result<ExitCode, Fault> {
    control.hello()?;
    let Some(configure) = control.configure()? else { return Ok(ExitCode::SUCCESS) };
    match mode {
        Mode::Namespaces(mode) => run_in_namespaces(mode, control, &configure),
        Mode::Landlock(identity) => run_confined(identity, control, &configure),
        Mode::Gvisor => {
            let (outside, confined) = gvisor::enter(&configure.layout)?;
            serve(control, &configure, outside, Some(confined))
        }
    }
}

fn run_in_namespaces(mode: Namespaced, control: &Control, configure: &Configure) -> Result<ExitCode, Fault> {
    let outside = match isolation::enter(mode)? {
        Side::Outside(waiting) => return waiting.until_inside_ends(),
        Side::Inside(outside) => outside,
    };
    root::enter(&configure.layout)?;
    lock_in()?;
    // A container's runtime has installed it already.
    if mode != Namespaced::InContainer {
        install_filter(if configure.restore { &OUTER_FOLLOWING } else { &OUTER })?;
    }
    serve(control, configure, outside, None)
}

fn run_confined(identity: Option<Identity>, control: &Control, configure: &Configure) -> Result<ExitCode, Fault> {
    let (outside, confined) = landlock::enter(identity, &configure.layout)?;
    install_filter(&OUTER_LANDLOCK)?;
    serve(control, configure, outside, Some(confined))
}

/// Gives up every right that building the root needed.
fn lock_in() -> Result<(), Fault> {
    privileges::drop_capabilities().map_err(io::Error::from_raw_os_error).at("drop capabilities")?;
    if !weaken::off(part::NEW_PRIVILEGES) {
        privileges::forbid_new_privileges().map_err(io::Error::from_raw_os_error).at("forbid new privileges")?;
    }
    Ok(())
}

fn install_filter(policy: &CallPolicy) -> Result<(), Fault> {
    if weaken::off(part::OUTER_FILTER) {
        return Ok(());
    }
    sys::install_filter(&mut filter::program(policy)?).at("install the outer system call filter")
}

fn serve(control: &Control, configure: &Configure, outside: Outside, confined: Option<Confined>) -> Result<ExitCode, Fault> {
    let own = Own::read(&outside, confined.as_ref().map(|confined| &confined.wall))?;
    if configure.restore {
        restore::check_means(&outside)?;
    }
    let signals = sys::signal_descriptor().at("watch signals")?;
    let zygote = Zygote::start(configure, &outside, confined.as_ref())?;
    // A stream ends only when nobody holds it any more.
    drop(confined);
    Sandbox::new(control, outside, own, signals, zygote, configure.restore).run()?;
    Ok(ExitCode::SUCCESS)
}
