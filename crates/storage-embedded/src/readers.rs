//! A bounded pool of connections that read, each read on a blocking thread. A read that nobody waits for any more is
//! interrupted.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::connection;
use crate::error::{Error, Result, during};

/// The pool. One permit stands for one idle connection.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens all connections, each of which is made ready by `prepare`.
    pub(crate) fn open(path: &Path, count: NonZeroUsize, prepare: impl Fn(&Connection) -> Result<()>) -> Result<Self> {
        let open = |_| connection::reading(path).and_then(|reader| prepare(&reader).map(|()| reader));
        let idle: Vec<_> = (0..count.get()).map(open).collect::<Result<_>>()?;
        Ok(Readers { idle: Arc::new(Mutex::new(idle)), permits: Arc::new(Semaphore::new(count.get())) })
    }

    /// Runs `work` on a connection of its own.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_closed| Error::Closed)?;
        let connection = locked(&self.idle).pop().ok_or(Error::Closed)?;
        let running = Running::new(&connection);
        let lease = ConnectionLease { connection: Some(connection), idle: self.idle.clone(), running: running.clone(), _permit: permit };
        let _stop = Interrupt(running);
        spawn_blocking(move || lease.run(work)).await.unwrap_or(Err(Error::Panicked))
    }

    /// Takes no more reads and closes the connections that are idle; the others close when they are done.
    pub(crate) fn close(&self) {
        self.permits.close();
        locked(&self.idle).clear();
    }
}

/// Several queries of one read see one state of the database.
pub(crate) fn snapshot<T>(connection: &Connection, queries: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let transaction = connection.unchecked_transaction().map_err(during("beginning a read"))?;
    let found = queries(&transaction)?;
    transaction.commit().map_err(during("ending a read"))?;
    Ok(found)
}

/// The way to interrupt a read, as long as it runs: afterwards its connection serves another.
#[derive(Clone)]
struct Running(Arc<Mutex<Option<InterruptHandle>>>);

impl Running {
    fn new(connection: &Connection) -> Self {
        Running(Arc::new(Mutex::new(Some(connection.get_interrupt_handle()))))
    }
}

/// Interrupts the read when its caller goes away.
struct Interrupt(Running);

impl Drop for Interrupt {
    fn drop(&mut self) {
        // The lock is held during the interrupt, so that it cannot hit the connection's next read.
        if let Some(handle) = locked(&self.0.0).take() {
            handle.interrupt();
        }
    }
}

/// A connection on loan; returns to the pool in any case.
struct ConnectionLease {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    running: Running,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionLease {
    fn run<T>(self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let wanted = locked(&self.running.0).is_some();
        match &self.connection {
            Some(connection) if wanted => work(connection),
            _ => Err(Error::Closed),
        }
    }
}

impl Drop for ConnectionLease {
    fn drop(&mut self) {
        locked(&self.running.0).take();
        let closed = self._permit.semaphore().is_closed();
        if let Some(connection) = self.connection.take()
            && !closed
        {
            locked(&self.idle).push(connection);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
