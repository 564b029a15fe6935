/// The version of the library and its command line, written into every output.
public let fociVersion = "0.1.0"
