//! The zygote's work between its start and its end: hears that a child is asked for, makes the child's pipes, waits until it is
//! sealed, and hands the server's ends to the agent.
//!
//! It runs outside of the interpreter, which touches nothing between two forks then: each page that the zygote writes after a fork
//! is copied. It deliberately does not know how a child is sealed.

use crate::{
    line::Line,
    linux::{Errno, call, close, number},
};

/// A packet asks for one child: `{"child":7}`.
const PACKET: usize = 64;
const O_CLOEXEC: usize = 0o2_000_000;
const MSG_NOSIGNAL: usize = 0x4000;
const SOL_SOCKET: i32 = 1;
const SCM_RIGHTS: i32 = 1;
const EINTR: Errno = 4;
const ENDS: usize = 4;
/// No descriptor.
const NOTHING: usize = usize::MAX;
/// Steps that are not the seal's: see the agent's `zygote`.
const CLONE: i64 = -1;
const ENDED: i64 = -2;
const PIPES: i64 = -3;

/// A pipe.
#[derive(Clone, Copy)]
pub struct Pipe {
    pub read: usize,
    pub write: usize,
}

/// The pipes of one child.
pub struct Pipes {
    pub request: Pipe,
    pub result: Pipe,
    pub stdout: Pipe,
    pub stderr: Pipe,
    /// From the seal: two 32-bit words, stage and error number.
    pub status: Pipe,
}

/// Which side of a clone this is.
#[derive(PartialEq, Eq)]
pub enum Side {
    Zygote,
    Child,
}

/// Why there is no child.
struct Fault {
    stage: i64,
    error: Errno,
}

/// Waits until the agent asks for a child, and returns its id; `None` when the agent hung up.
pub fn next(control: usize) -> Option<u64> {
    let mut packet = [0_u8; PACKET];
    let length = read(control, &mut packet).ok().filter(|length| *length > 0)?;
    let digits = packet.iter().take(length).filter(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))))
}

/// Makes the child with this id and tells the agent. `streams` is the first of the child's own ends where the server has made its
/// pipes, else 0. `spawn` clones it and returns its process id, 0 in the child.
pub fn make(id: u64, control: usize, streams: usize, spawn: impl FnOnce(&Pipes) -> Result<usize, Errno>) -> Side {
    let made = Pipes::open(streams).map_err(at(PIPES)).and_then(|pipes| {
        let spawned = spawn(&pipes).map_err(at(CLONE));
        if let Ok(0) = spawned {
            return Ok(Side::Child);
        }
        // Only the child's end is left, so that its death is seen. What is not open needs no closing.
        let _ = close(pipes.status.write);
        let told = spawned.and_then(|pid| sealed(pipes.status.read).map(|()| announce(control, id, pid, (streams == 0).then_some(&pipes))));
        pipes.close_all_but_status_write();
        told.map(|()| Side::Zygote)
    });
    match made {
        Ok(side) => side,
        Err(fault) => {
            complain(control, &fault);
            Side::Zygote
        }
    }
}

/// Waits until the child says that it is sealed.
fn sealed(status: usize) -> Result<(), Fault> {
    let mut report = [0_u8; 8];
    match read(status, &mut report) {
        Ok(8) => {}
        Ok(_) => return Err(Fault { stage: ENDED, error: 0 }),
        Err(error) => return Err(Fault { stage: ENDED, error }),
    }
    let [a, b, c, d, e, f, g, h] = report;
    match u32::from_ne_bytes([a, b, c, d]) {
        0 => Ok(()),
        stage => Err(Fault { stage: i64::from(stage), error: i32::from_ne_bytes([e, f, g, h]) }),
    }
}

fn announce(control: usize, id: u64, pid: usize, pipes: Option<&Pipes>) {
    let mut line = Line::default();
    line.push(br#"{"event":"child","child":"#);
    line.push_number(id);
    line.push(br#","pid":"#);
    line.push_number(pid as u64);
    line.push(b"}");
    let ends = pipes.map(|pipes| [pipes.request.write, pipes.result.read, pipes.stdout.read, pipes.stderr.read]);
    send(control, line.bytes(), ends);
}

fn complain(control: usize, fault: &Fault) {
    let mut line = Line::default();
    line.push(br#"{"event":"fault","stage":"#);
    if fault.stage < 0 {
        line.push(b"-");
    }
    line.push_number(fault.stage.unsigned_abs());
    line.push(br#","error":"#);
    line.push_number(u64::from(fault.error.unsigned_abs()));
    line.push(b"}");
    send(control, line.bytes(), None);
}

/// Sends one packet. An agent that is gone is noticed by [`next`].
fn send(control: usize, text: &[u8], ends: Option<[usize; ENDS]>) {
    /// The kernel's `iovec`.
    #[repr(C)]
    struct Slice {
        address: usize,
        length: usize,
    }
    /// A `cmsghdr` with its descriptors.
    #[repr(C)]
    struct Rights {
        length: usize,
        level: i32,
        kind: i32,
        descriptors: [i32; ENDS],
    }
    /// The kernel's `msghdr`.
    #[repr(C)]
    struct Message {
        name: [usize; 2],
        slices: usize,
        slice_count: usize,
        control: usize,
        control_length: usize,
        flags: usize,
    }
    let slice = Slice { address: text.as_ptr() as usize, length: text.len() };
    let descriptors = ends.unwrap_or_default().map(|end| end as i32);
    let rights = Rights { length: size_of::<Rights>(), level: SOL_SOCKET, kind: SCM_RIGHTS, descriptors };
    let (control_address, control_length) = if ends.is_some() { (&raw const rights as usize, size_of::<Rights>()) } else { (0, 0) };
    let message =
        Message { name: [0; 2], slices: &raw const slice as usize, slice_count: 1, control: control_address, control_length, flags: 0 };
    // SAFETY: every pointer is to a local of the layout that the kernel expects, and it only reads.
    // Thrown away: it fails when the agent is gone, and then the next packet that is awaited is the end.
    let _ = unsafe { call(number::SENDMSG, [control, &raw const message as usize, MSG_NOSIGNAL, 0, 0]) };
}

fn read(file: usize, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        // SAFETY: the kernel writes at most as many bytes as the buffer has.
        match unsafe { call(number::READ, [file, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0]) } {
            Err(EINTR) => {}
            result => return result,
        }
    }
}

fn at(stage: i64) -> impl Fn(Errno) -> Fault {
    move |error| Fault { stage, error }
}

// === impl Pipes ===

impl Pipes {
    /// What is open when one fails stays open: the agent gives the sandbox up then.
    fn open(streams: usize) -> Result<Self, Errno> {
        if streams != 0 {
            return Self::given(streams);
        }
        Ok(Pipes { request: Pipe::open()?, result: Pipe::open()?, stdout: Pipe::open()?, stderr: Pipe::open()?, status: Pipe::open()? })
    }

    /// The child's ends are there, in this order. They are closed with the first child, so a second one fails.
    fn given(first: usize) -> Result<Self, Errno> {
        let reads = |read| Pipe { read, write: NOTHING };
        let writes = |write| Pipe { read: NOTHING, write };
        let (request, result) = (reads(first), writes(first + 1));
        Ok(Pipes { request, result, stdout: writes(first + 2), stderr: writes(first + 3), status: Pipe::open()? })
    }

    fn close_all_but_status_write(&self) {
        [self.request, self.result, self.stdout, self.stderr].iter().for_each(Pipe::close);
        // What is not open needs no closing.
        let _ = close(self.status.read);
    }
}

// === impl Pipe ===

impl Pipe {
    fn open() -> Result<Self, Errno> {
        let mut ends = [0_i32; 2];
        // SAFETY: the kernel writes two numbers.
        unsafe { call(number::PIPE2, [ends.as_mut_ptr() as usize, O_CLOEXEC, 0, 0, 0]) }?;
        let [read, write] = ends.map(|end| end as usize);
        Ok(Pipe { read, write })
    }

    fn close(&self) {
        // An end that is not there (`NOTHING`) needs no closing.
        let _ = close(self.read);
        let _ = close(self.write);
    }
}
