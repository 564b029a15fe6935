/// Estimated widths of text: on the wide side, since the reader's font is unknown.
enum TextMetrics {
    /// Estimated width of a text, px.
    static func width(_ text: String, size: Double, bold: Bool = false) -> Double {
        let ems = text.reduce(0.0) { sum, character in
            switch character {
            case " ", ".", ",", ":", ";", "i", "j", "l", "I", "|", "!", "'", "(", ")", "·": sum + 0.37
            case "m", "w", "M", "W", "%", "@", "…": sum + 0.96
            case "A"..."Z": sum + 0.7
            default: sum + 0.63
            }
        }
        return ems * size * (bold ? 1.1 : 1)
    }

    /// The text, shortened with an ellipsis where it would be wider than `limit`: at its end, or in its middle where names are
    /// told apart by how they end.
    static func fitted(
        _ text: String, size: Double, bold: Bool = false, within limit: Double, keepsEnd: Bool = false
    ) -> String {
        guard width(text, size: size, bold: bold) > limit else { return text }
        let room = limit - width("…", size: size, bold: bold)
        func part(_ characters: some Sequence<Character>, _ room: Double) -> [Character] {
            var (kept, left) = ([Character](), room)
            for character in characters {
                left -= width(String(character), size: size, bold: bold)
                if left < 0 { break }
                kept.append(character)
            }
            return kept
        }
        guard keepsEnd else { return String(part(text, room)) + "…" }
        return String(part(text, room / 2)) + "…" + String(part(text.reversed(), room / 2).reversed())
    }
}
