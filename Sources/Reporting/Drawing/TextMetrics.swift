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

    /// The text, shortened with an ellipsis where it would be wider than `limit`.
    static func fitted(_ text: String, size: Double, bold: Bool = false, within limit: Double) -> String {
        guard width(text, size: size, bold: bold) > limit else { return text }
        var kept = ""
        var room = limit - width("…", size: size, bold: bold)
        for character in text {
            room -= width(String(character), size: size, bold: bold)
            if room < 0 { break }
            kept.append(character)
        }
        return kept + "…"
    }
}
