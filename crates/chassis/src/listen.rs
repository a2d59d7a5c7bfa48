//! Listening sockets, bound before anything is promised.

use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::start_error::StartError;

/// Connections the kernel may hold for us until they are accepted.
const BACKLOG: i32 = 1024;

/// Binds `address`, configured under `key`.
pub(crate) fn listen(key: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    bind(address).map_err(|source| StartError::Listen { key: key.to_owned(), address, source })
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
