//! The shortest visit to an AMQP 0.9.1 broker: come in as `guest`, open the virtual host `/`, leave.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const START: Method = (10, 10);
const START_OK: Method = (10, 11);
const TUNE: Method = (10, 30);
const TUNE_OK: Method = (10, 31);
const OPEN: Method = (10, 40);
const OPEN_OK: Method = (10, 41);
const CLOSE: Method = (10, 50);
const CLOSE_OK: Method = (10, 51);

const METHOD_FRAME: u8 = 1;
const FRAME_END: u8 = 0xCE;

/// Class and number.
type Method = (u16, u16);

/// Whether the broker lets a client in and has its virtual host open.
pub(super) fn handshake(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"AMQP\x00\x00\x09\x01")?;
    receive(&mut stream, START)?;
    // No properties, then mechanism, response and locale, each with its length.
    send(&mut stream, START_OK, b"\0\0\0\0\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US")?;
    let limits = receive(&mut stream, TUNE)?;
    send(&mut stream, TUNE_OK, &limits)?;
    send(&mut stream, OPEN, b"\x01/\0\0")?;
    receive(&mut stream, OPEN_OK)?;
    send(&mut stream, CLOSE, &[0, 200, 0, 0, 0, 0, 0])?;
    receive(&mut stream, CLOSE_OK)?;
    Ok(())
}

fn send(stream: &mut TcpStream, (class, number): Method, arguments: &[u8]) -> Result<()> {
    let length = u32::try_from(arguments.len() + 4).map_err(Error::other)?;
    let mut frame = vec![METHOD_FRAME, 0, 0];
    frame.extend(length.to_be_bytes());
    frame.extend(class.to_be_bytes());
    frame.extend(number.to_be_bytes());
    frame.extend(arguments);
    frame.push(FRAME_END);
    stream.write_all(&frame)
}

/// The arguments of the next method, which has to be the expected one.
fn receive(stream: &mut TcpStream, expected: Method) -> Result<Vec<u8>> {
    let mut head = [0; 11];
    stream.read_exact(&mut head)?;
    let [kind, _, _, a, b, c, d, class @ .., e, f] = head;
    let method = (u16::from_be_bytes(class), u16::from_be_bytes([e, f]));
    if (kind, method) != (METHOD_FRAME, expected) {
        return Err(Error::new(ErrorKind::InvalidData, format!("{method:?} instead of {expected:?}")));
    }
    let length = u32::from_be_bytes([a, b, c, d]).saturating_sub(4);
    let mut arguments = vec![0; usize::try_from(length).map_err(Error::other)?];
    stream.read_exact(&mut arguments)?;
    stream.read_exact(&mut [0])?;
    Ok(arguments)
}
