//! The engine's library: the only unsafe code of Toolsight.
#![expect(unsafe_code, reason = "a C library is loaded and called")]

use std::{
    error::Error as _,
    ffi::{CStr, CString, c_char, c_int, c_void},
    mem::ManuallyDrop,
    path::Path,
};

use libloading::{Library, Symbol};

type QueryCommandLine = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

unsafe extern "C" {
    fn _exit(status: c_int) -> !;
}

/// Runs the engine's command line in this process, until it ends.
///
/// # Errors
/// The library cannot be loaded, is another library, or the engine says why it ended.
pub(super) fn run(library: &Path, arguments: &[CString]) -> Result<(), String> {
    let path = library.display();
    let loaded = |error: libloading::Error| format!("{path} cannot be loaded: {}", said(&error));
    let found = |error: libloading::Error| format!("{path} is not libchdb: {}", said(&error));
    // SAFETY: the file is the engine's library, checked when it was fetched or named by the operator; its initialisers
    // have no requirements.
    let library = unsafe { Library::new(library) }.map_err(loaded)?;
    // Never unloaded: the engine's threads are still there when its main function has returned.
    let library = ManuallyDrop::new(library);
    // SAFETY: both symbols have these types in every release of the library.
    let query: Symbol<'_, QueryCommandLine> = unsafe { library.get(c"chdb_query_cmdline") }.map_err(found)?;
    // SAFETY: as above.
    let error: Symbol<'_, ResultError> = unsafe { library.get(c"chdb_result_error") }.map_err(found)?;

    let count = c_int::try_from(arguments.len()).map_err(|error| error.to_string())?;
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    // SAFETY: `pointers` holds `count` strings and a null behind them, and they outlive the call; the engine reads them.
    let result = unsafe { query(count, pointers.as_mut_ptr()) };
    if result.is_null() {
        return Err("the engine gave no result".to_owned());
    }
    // SAFETY: `result` came from the call above and was not freed.
    let message = unsafe { error(result) };
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a message that is not null is a C string that lives as long as the result.
    Err(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}

/// The loader's own words, which stand in the source.
fn said(error: &libloading::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| source.to_string())
}

/// Ends the process at once. The engine's threads are still there after [`run`], and the usual way out destroys what
/// they use, which crashes most exits.
pub(super) fn leave(status: c_int) -> ! {
    // SAFETY: takes no pointers and does not return.
    unsafe { _exit(status) }
}
