"""
A checker of tagged PDF: the rules of PDF/UA-1 (ISO 14289-1) that a machine can hold a document against.

It reads the document's structure with pypdf, follows every piece of content to the element that tags it, and
gives in words what is wrong. What only a person can judge (whether the order makes sense when read aloud, whether a
caption says what is in its table) it cannot say.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject, IndirectObject, NumberObject

STANDARD = {
    "Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index", "NonStruct", "Private",
    "P", "H", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "THead",
    "TBody", "TFoot", "Span", "Quote", "Note", "Reference", "BibEntry", "Code", "Link", "Annot", "Ruby", "RB", "RT",
    "RP", "Warichu", "WT", "WP", "Figure", "Formula", "Form",
}  # fmt: skip
SHOWS = {
    b"Tj",
    b"TJ",
    b"'",
    b'"',
    b"S",
    b"s",
    b"f",
    b"F",
    b"f*",
    b"B",
    b"B*",
    b"b",
    b"b*",
    b"sh",
    b"Do",
    b"INLINE IMAGE",
}
GROUPS = {"THead", "TBody", "TFoot"}


@dataclass
class Element:
    """An element of the structure: its standard type, what it says of itself, and what is below it."""

    kind: str
    raw: DictionaryObject
    children: list["Element"] = field(default_factory=list)
    content: list[tuple[int, int]] = field(default_factory=list)

    def below(self) -> Iterator["Element"]:
        """Go through it and all below it, in the order in which it is read."""
        yield self
        for child in self.children:
            yield from child.below()

    def attribute(self, name: str) -> Any:
        """Return an attribute, whichever owner's."""
        owners: Any = self.raw.get("/A", ArrayObject())
        owners = owners.get_object() if isinstance(owners, IndirectObject) else owners
        for owner in owners if isinstance(owners, ArrayObject) else [owners]:
            one: Any = owner.get_object()
            if isinstance(one, DictionaryObject) and name in one:
                return one[name]
        return None


class Tagged:
    """A document, read for its tags."""

    def __init__(self, data: bytes) -> None:
        self.reader = PdfReader(BytesIO(data))
        self.catalog: Any = self.reader.root_object
        self.pages = {
            page.indirect_reference.idnum: number
            for number, page in enumerate(self.reader.pages)
            if page.indirect_reference
        }
        tree: Any = self.catalog.get("/StructTreeRoot", DictionaryObject()).get_object()
        roles: Any = tree.get("/RoleMap", DictionaryObject()).get_object()
        self.roles = {key: str(value) for key, value in roles.items()}
        self.tree = tree
        self.aside: list[tuple[int, int]] = []
        self.roots = [self._element(kid, None) for kid in _list(tree.get("/K", ArrayObject()))]

    def faults(self) -> list[str]:
        """Say everything that is wrong; nothing if the document keeps the rules."""
        return [*self._of_document(), *self._of_content(), *self._of_elements(), *self._of_fonts()]

    def elements(self, kind: str) -> list[Element]:
        """Return all elements of a type, in the order in which they are read."""
        return [one for root in self.roots for one in root.below() if one.kind == kind]

    def _element(self, kid: Any, page: int | None) -> Element:
        raw = kid.get_object()
        kind = str(raw["/S"])
        element = Element(self.roles.get(kind, kind).removeprefix("/"), raw)
        page = self.pages.get(raw.raw_get("/Pg").idnum, page) if "/Pg" in raw else page
        for below in _list(raw.get("/K", ArrayObject())):
            one = below.get_object()
            if isinstance(one, NumberObject):
                assert page is not None
                element.content.append((page, int(one)))
            elif one.get("/Type") == "/MCR":
                on = self.pages[one.raw_get("/Pg").idnum] if "/Pg" in one else page
                assert on is not None
                element.content.append((on, int(one["/MCID"])))
            elif one.get("/Type") != "/OBJR":
                element.children.append(self._element(below, page))
        return element

    def _of_document(self) -> Iterator[str]:
        if not self.catalog.get("/MarkInfo", {}).get("/Marked"):
            yield "The document does not say that it is tagged."
        if not self.catalog.get("/Lang"):
            yield "The document does not say its language."
        if not self.catalog.get("/ViewerPreferences", {}).get("/DisplayDocTitle"):
            yield "The title is not what a window shows."
        if not (self.reader.metadata and self.reader.metadata.title):
            yield "The document has no title."
        metadata = self.catalog.get("/Metadata")
        said = metadata.get_object().get_data() if metadata else b""
        for word in (b"pdfuaid", b"dc:title"):
            if word not in said:
                yield f"The metadata lack {word.decode()}."
        if "/ParentTree" not in self.tree:
            yield "There is no way from content to its element."
        for number, page in enumerate(self.reader.pages, start=1):
            if "/StructParents" not in page:
                yield f"Page {number} does not say where its content is tagged."
            if page.get("/Annots") and page.get("/Tabs") != "/S":
                yield f"Page {number} is not stepped through in the order of its structure."

    def _of_content(self) -> Iterator[str]:
        """Follow every mark on a page to the one element that has it."""
        elements = [one for root in self.roots for one in root.below()]
        tagged = Counter(content for one in elements for content in one.content)
        tagging = {content: one.raw for one in elements for content in one.content}
        above = self._parents()
        self.aside = []
        for number, page in enumerate(self.reader.pages):
            open_marks: list[int | str | None] = []
            found: list[int] = []
            for operands, operator in ContentStream(page.get_contents(), self.reader).operations:
                if operator in (b"BDC", b"BMC"):
                    mark = operands[1].get("/MCID") if len(operands) > 1 and hasattr(operands[1], "get") else None
                    if mark is not None:
                        found.append(int(mark))
                    open_marks.append("/Artifact" if operands[0] == "/Artifact" else mark)
                elif operator == b"EMC":
                    open_marks.pop()
                elif operator in SHOWS and not any(mark is not None for mark in open_marks):
                    yield f"Page {number + 1} shows something ({operator!r}) that is neither tagged nor an artifact."
            if open_marks:
                yield f"Page {number + 1} leaves marked content open."
            parents = above.get(int(page.get("/StructParents", -1)), [])
            for mark, times in Counter(found).items():
                parent = parents[mark].get_object() if mark < len(parents) else None
                in_tree = tagged.pop((number, mark), 0)
                if not in_tree and parent is not None:
                    # What is drawn in margins is mapped to elements outside of the tree: a reader passes it over.
                    self.aside.append((number, mark))
                elif times != 1 or in_tree != 1 or parent is not tagging[number, mark]:
                    yield f"Content {mark} of page {number + 1} is not tagged exactly once."
        for page_number, mark in tagged:
            yield f"An element has content {mark} of page {page_number + 1}, which is not there."

    def _parents(self) -> dict[int, list[Any]]:
        """Return the elements of the content of each page, by the number of the page's entry."""
        numbers = self.tree.get("/ParentTree", DictionaryObject()).get_object().get("/Nums", ArrayObject()).get_object()
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return {int(key): _list(value) for key, value in pairs if isinstance(value.get_object(), ArrayObject)}

    def _of_elements(self) -> Iterator[str]:
        level = 0
        for root in self.roots:
            for one in root.below():
                if one.kind not in STANDARD:
                    yield f"{one.kind} is no standard type of element."
                if one.kind in ("Figure", "Formula") and not one.raw.get("/Alt"):
                    yield f"A {one.kind} says nothing to those who do not see it."
                if one.kind[0] == "H" and one.kind[1:].isdigit():
                    if int(one.kind[1:]) > level + 1:
                        yield f"{one.kind} follows a heading of level {level}."
                    level = int(one.kind[1:])
                if one.kind == "Table":
                    yield from _of_table(one)

    def _of_fonts(self) -> Iterator[str]:
        for number, page in enumerate(self.reader.pages, start=1):
            fonts: Any = page.get("/Resources", {}).get("/Font", {})
            for name, reference in fonts.items():
                font = reference.get_object()
                below = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
                descriptor = below.get("/FontDescriptor", DictionaryObject()).get_object()
                if not {"/FontFile", "/FontFile2", "/FontFile3"} & descriptor.keys():
                    yield f"Font {name} of page {number} is not in the document."
                if "/ToUnicode" not in font:
                    yield f"Text in font {name} of page {number} cannot be read as letters."


def _of_table(table: Element) -> Iterator[str]:
    """Say what is wrong with a table: rows of other lengths, cells without headers, headers without a direction."""
    rows = [one for child in table.children for one in (child.children if child.kind in GROUPS else [child])]
    rows = [row for row in rows if row.kind != "Caption"]
    lengths = set()
    for row in rows:
        if row.kind != "TR" or any(cell.kind not in ("TH", "TD") for cell in row.children):
            yield f"A table has {row.kind} with {sorted({cell.kind for cell in row.children})} for a row."
        lengths.add(sum(int(cell.attribute("/ColSpan") or 1) for cell in row.children))
    if len(lengths) > 1:
        yield f"A table has rows of {sorted(lengths)} cells."
    headers = [cell for row in rows for cell in row.children if cell.kind == "TH"]
    if not headers:
        yield "A table has no headers."
    named = {str(header.raw["/ID"]) for header in headers if "/ID" in header.raw}
    if all(header.attribute("/Scope") in ("/Row", "/Column", "/Both") for header in headers):
        return
    for cell in (cell for row in rows for cell in row.children if cell.kind == "TD"):
        names = {str(name) for name in cell.attribute("/Headers") or ()}
        if not names or not names <= named:
            yield "A cell of a table does not say which headers it has."


def _list(value: Any) -> list[Any]:
    value = (
        value.get_object()
        if isinstance(value, IndirectObject) and isinstance(value.get_object(), ArrayObject)
        else value
    )
    return list(value) if isinstance(value, ArrayObject) else [value]
