import Glibc

extension String {
    /// A text with numbers in it, as C's `printf` writes them: with a dot as decimal mark, whatever the locale of the
    /// program.
    ///
    /// Foundation has the like; a library that others load must not bring its tens of megabytes for this.
    ///
    /// - Parameters:
    ///   - format: as of `printf`, UTF-8; `%.3g` and its like for a `Double`, `%ld` for an `Int`, `%d` for an `Int32`.
    ///     There is no `%@`, and `%s` wants a pointer: texts are interpolated instead.
    ///   - arguments: as many values as the format names, of the types that it names.
    /// - Returns: the text; a format that C refuses stands for itself.
    public init(printf format: String, _ arguments: any CVarArg...) {
        // Programs that load the library may print decimal commas; the locale is changed for this thread alone.
        let outer = uselocale(CLocale.numbers)
        defer { uselocale(outer) }
        // A list of arguments can be read once only.
        let length = withVaList(arguments) { vsnprintf(nil, 0, format, $0) }
        guard length >= 0 else {
            self = format
            return
        }
        self.init(unsafeUninitializedCapacity: Int(length) + 1) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                _ = withVaList(arguments) { vsnprintf(text.baseAddress, text.count, format, $0) }
            }
            return Int(length)
        }
    }
}

private enum CLocale {
    /// Writes numbers as programs do that never chose a locale; made once and never freed. Nil where memory is out, by
    /// which the locale stays as it is.
    nonisolated(unsafe) static let numbers = newlocale(1 << LC_NUMERIC, "C", nil)
}
