/// A page of sections below each other.
public enum SectionsPage {
    private struct Content: Encodable {
        let css = PageContent.style
        let style = PageContent.sectionStyle
        let heading, run: Markup
        let sections: [PageSectionContent]
    }

    /// One HTML document that needs nothing else; the same input gives the same bytes.
    ///
    /// - Parameters:
    ///   - sections: from top to bottom.
    ///   - heading: of the page.
    ///   - run: below the heading, what the page is of.
    /// - Returns: a template and what it names.
    public static func content(_ sections: [PageSection], heading: String, run: String) -> PageContent {
        PageContent(
            template: PackageResources.sections_mustache,
            Content(
                heading: Markup(heading), run: Markup(run), sections: sections.map { PageSectionContent($0) }))
    }
}
