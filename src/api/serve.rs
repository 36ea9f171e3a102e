//! Listening: on a TCP address, and on a Unix socket in the data directory.

use std::{
    fs::{DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use axum::Router;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

/// Name of the socket in the data directory.
pub const SOCKET_NAME: &str = "steward.sock";
/// Name of the directory in which the socket is made.
const NURSERY_NAME: &str = "steward.sock.new";
/// Longest path of a Unix socket that every system takes (`sun_path` holds 104 bytes on some, 108 on Linux).
const SOCKET_PATH_MAX: usize = 100;

/// Why nothing is served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket's path is too long for the system.
    #[error("the path of the socket is longer than {SOCKET_PATH_MAX} bytes: {0}")]
    PathTooLong(PathBuf),
    /// The system refuses.
    #[error("cannot listen on {at}")]
    Listen {
        /// Where.
        at: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Listening ended.
    #[error("the server on {at} ended")]
    Ended {
        /// Where.
        at: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Serves `router` until `token` is cancelled; answers that are under way are finished.
///
/// # Errors
/// [`ServeError::Ended`] where the listener fails.
pub async fn tcp(
    listener: TcpListener,
    router: Router,
    token: CancellationToken,
) -> Result<(), ServeError> {
    let at = listener
        .local_addr()
        .map_or_else(|_| "a closed address".to_owned(), |at| at.to_string());
    let serving = axum::serve(listener, router).with_graceful_shutdown(token.cancelled_owned());
    serving
        .await
        .map_err(|source| ServeError::Ended { at, source })
}

/// Opens the socket in `directory`, which only the service's own account may use from then on.
///
/// A socket that a dead process left behind is replaced: the store's lock says that this process owns the directory.
///
/// # Errors
/// [`ServeError`] where the path is too long or the system refuses.
pub fn open_socket(directory: &Path) -> Result<UnixListener, ServeError> {
    let path = directory.join(SOCKET_NAME);
    if path.as_os_str().len() > SOCKET_PATH_MAX {
        return Err(ServeError::PathTooLong(path));
    }
    let refused = |source| ServeError::Listen {
        at: path.display().to_string(),
        source,
    };
    // Born in a directory that nobody else may enter, so that it is never open to others, not even for a moment.
    let nursery = directory.join(NURSERY_NAME);
    let born = nursery.join("s");
    clear(&born, &nursery).map_err(refused)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&nursery)
        .map_err(refused)?;
    let listener = UnixListener::bind(&born).map_err(refused)?;
    std::fs::set_permissions(&born, Permissions::from_mode(0o600)).map_err(refused)?;
    std::fs::rename(&born, &path).map_err(refused)?;
    std::fs::remove_dir(&nursery).map_err(refused)?;
    Ok(listener)
}

/// Removes what an interrupted start left behind.
fn clear(born: &Path, nursery: &Path) -> io::Result<()> {
    let absent = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    absent(std::fs::remove_file(born))?;
    absent(std::fs::remove_dir(nursery))
}

/// Serves `router` on the socket until `token` is cancelled.
///
/// # Errors
/// [`ServeError::Ended`] where the listener fails.
pub async fn socket(
    listener: UnixListener,
    router: Router,
    token: CancellationToken,
) -> Result<(), ServeError> {
    let at = SOCKET_NAME.to_owned();
    let serving = axum::serve(listener, router).with_graceful_shutdown(token.cancelled_owned());
    serving
        .await
        .map_err(|source| ServeError::Ended { at, source })
}
