"""The ``annotation`` element of one VOC file as an ImageRecord, and its objects as instances.

Only direct children count: ``owner/name`` and ``part/name`` are no labels, ``part/bndbox`` is no box. Sources of the
rules: the VOC2012 development kit, section 10 (boxes), Huawei ModelArts' and Roboflow's files (``polygon`` as x1, y1,
x2, ...), LabelMe's (``pt`` children). Everything else stays verbatim in the attributes. An object that cannot be read
exactly is left out whole and reported; a repair that is certain is reported as a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import InputError, ItemError
from ..model import ImageRecord, Instance, Rectangle
from ..problems import OnProblem, Place, Problem, Severity, Unit
from . import voc_attributes, voc_shapes, voc_xml
from .checks import Size, Warn, check_inside, usable_label
from .numbers import positive_int
from .voc_masks import Masks
from .voc_xml import Element, children, grouped, line, local, text, value


@dataclass(slots=True)
class Evidence:
    """What the corners of a source's boxes say about its convention."""

    boxes: int = 0
    at_zero: int = 0
    at_one: int = 0
    at_size: int = 0
    before_size: int = 0

    def take(self, corners: tuple[float, float, float, float], size: Size) -> None:
        """Count one box: xmin, ymin, xmax, ymax as written."""
        left, top, right, bottom = corners
        width, height = size
        self.boxes += 1
        self.at_zero += left == 0 or top == 0
        self.at_one += left == 1 or top == 1
        self.at_size += right == width or bottom == height
        self.before_size += (width is not None and right == width - 1) or (
            height is not None and bottom == height - 1
        )

    def add(self, part: Evidence) -> None:
        """Count the boxes of another part of the source."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(part, one.name))

    def note(self, inclusive: bool) -> str:
        """The rule used, and the evidence for and against it, in one line."""
        rule = (
            "inclusive corners counted from 1: left = xmin - 1, width = xmax - xmin + 1"
            if inclusive
            else "corners as written: left = xmin, width = xmax - xmin"
        )
        return (
            f"{rule}. Of {self.boxes} boxes {self.at_zero} begin at 0 (evidence for counting from 0), {self.at_one} "
            f"begin at 1 (for counting from 1), {self.at_size} end at the picture's width or height, "
            f"{self.before_size} one pixel before it (for inclusive corners counted from 0)."
        )


class RecordReader:
    """Reads one file. ``masks`` are the object masks of its image, if there are any."""

    def __init__(self, shown: str, inclusive: bool, on_problem: OnProblem, evidence: Evidence) -> None:
        self.shown = shown
        self.inclusive = inclusive
        self.on_problem = on_problem
        self.evidence = evidence

    def read(self, root: Element, stem: str, masks: Masks | None) -> ImageRecord:
        """The record. ``stem`` names it when ``filename`` does not. Raises InputError when its image is uncertain."""
        parts = grouped(root)
        objects, sizes = parts.get("object", []), parts.get("size", [])
        name = self._name(root, parts.get("filename", []), stem, len(objects))
        size = self._size(root, sizes)
        instances = [
            self._instance(element, position, size) for position, element in enumerate(objects, start=1)
        ]
        if masks is not None:
            instances = self._outlined(instances, masks, size)
        attributes = value(root, frozenset({"object", "filename", "size"}))
        more = [value(element, frozenset({"width", "height"})) for element in sizes]
        attributes = attributes if isinstance(attributes, dict) else {}
        if more and isinstance(more[0], dict) and more[0]:
            attributes["size"] = more[0]
        kept = tuple(instance for instance in instances if instance is not None)
        return ImageRecord(name, *size, kept, (), attributes, place=Place(self.shown, line(root)))

    def _name(self, root: Element, given: list[Element], stem: str, objects: int) -> str:
        names = {text(element) for element in given} - {""}
        if len(names) > 1:
            message = f"the file names {len(names)} images: {', '.join(sorted(names)):.200}"
            place = Place(self.shown, line(root), pointer="/annotation/filename")
            hint = "keep one <filename>"
            raise InputError(
                Problem("filename_repeated", message, place, unit=Unit.IMAGE, lost=objects, hint=hint)
            )
        return names.pop() if names else stem

    def _size(self, root: Element, sizes: list[Element]) -> tuple[int | None, int | None]:
        sides: list[int | None] = []
        for side in ("width", "height"):
            stated = next((text(e) for size in sizes for e in children(size, side)), "")
            pixels = positive_int(stated)
            if stated and pixels is None:
                message = f"the {side} is {stated!r:.40}; the picture's own is used"
                place = Place(self.shown, line(root), pointer=f"/annotation/size/{side}")
                self.on_problem(Problem("image_size_invalid", message, place, Severity.WARNING, Unit.IMAGE))
            sides.append(pixels)
        return sides[0], sides[1]

    def _instance(self, element: Element, position: int, size: Size) -> Instance | None:
        def report(problem: ItemError, severity: Severity) -> None:
            place = _place(self.shown, element, position, problem.field)
            lost = int(severity is Severity.ERROR)
            self.on_problem(
                Problem(problem.code, problem.message, place, severity, lost=lost, hint=problem.hint)
            )

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            return self._read_object(element, size, warn)
        except ItemError as error:
            report(error, Severity.ERROR)
            return None

    def _read_object(self, element: Element, size: Size, warn: Warn) -> Instance:
        parts = grouped(element)
        label = _label(parts.get("name", []))
        _refuse(parts)
        polygon = voc_shapes.polygon(parts.get("polygon", []), warn)
        rectangle = self._box(parts.get("bndbox", []), size, warn)
        if polygon is None and rectangle is None:
            tags = ", ".join(f"<{local(child)}>" for child in element) or "nothing"
            message = f"object {label!r:.80} has neither a bndbox nor a polygon; it has {tags:.200}"
            raise ItemError("no_geometry", message, "draw its box, or remove it")
        check_inside(rectangle, polygon, size, warn)
        attributes = voc_attributes.read(element, parts, None if self.inclusive else rectangle)
        return Instance(label, rectangle, polygon, (), attributes)

    def _box(self, given: list[Element], size: Size, warn: Warn) -> Rectangle | None:
        boxes = [box for box in given if len(box)]
        if not boxes:
            return None
        if len(boxes) > 1:
            raise ItemError("box_repeated", f"the object has {len(boxes)} boxes", "keep one bndbox", "bndbox")
        left, top, right, bottom = voc_shapes.corners(boxes[0], warn)
        self.evidence.take((left, top, right, bottom), size)
        if right < left or bottom < top:
            message = f"the corners are swapped: x {left:g} to {right:g}, y {top:g} to {bottom:g}"
            warn("box_swapped", message, "bndbox")
            left, right = min(left, right), max(left, right)
            top, bottom = min(top, bottom), max(top, bottom)
        if self.inclusive:
            left, top = left - 1, top - 1
        width, height = right - left, bottom - top
        if width <= 0 or height <= 0:
            message = f"the box has no area: {width:g} x {height:g}"
            raise ItemError("box_empty", message, "remove the object, or draw its box again", "bndbox")
        return Rectangle(left, top, width, height)

    def _outlined(self, instances: list[Instance | None], masks: Masks, size: Size) -> list[Instance | None]:
        """The instances with the outlines of their masks: object k of the mask is object k of the file."""
        unlike: list[int] = []
        if masks.differs(size):
            unlike = masks.objects
            why = f"the mask is {masks.width} x {masks.height}, the file says {size[0]} x {size[1]}"
        else:
            why = "they do not lie in the box of the object of that number, or have another class"
        found = list(instances)
        for position in [] if unlike else masks.objects:
            instance = instances[position - 1] if position <= len(instances) else None
            if position > len(instances):
                unlike.append(position)
            elif instance is None or instance.polygon is not None or instance.rectangle is None:
                continue
            elif masks.fits(position, instance.rectangle, instance.label):
                found[position - 1] = Instance(
                    instance.label, instance.rectangle, masks.polygon(position), (), instance.attributes
                )
            else:
                unlike.append(position)
        if unlike:
            numbers = ", ".join(map(str, unlike))
            message = f"objects {numbers:.200} of the mask are left out: {why}; the boxes stay"
            hint = "is the mask another version's?"
            place = Place(masks.shown)
            self.on_problem(
                Problem("mask_unlike_boxes", message, place, Severity.WARNING, Unit.IMAGE, hint=hint)
            )
        return found


def _label(names: list[Element]) -> str:
    if len(names) > 1:
        raise ItemError("name_repeated", f"the object has {len(names)} names", "keep one <name>", "name")
    label = text(names[0]) if names else ""
    if not usable_label(label):
        raise ItemError(
            "label_blank", f"the object has no name that can be shown: {label!r:.80}", "name it", "name"
        )
    return label


def _refuse(parts: dict[str, list[Element]]) -> None:
    """Raise ItemError for an object that says itself that it is none, or that its shape is no upright box."""
    if any(len(box) for box in parts.get("robndbox", [])):
        raise ItemError(
            "box_rotated",
            "the object has a rotated box (robndbox): it cannot be kept without its angle",
            "give it a polygon",
            "robndbox",
        )
    if any(text(flag) == "1" for flag in parts.get("deleted", [])):
        raise ItemError(
            "object_deleted", "the object is marked as deleted", "nothing, if that is meant", "deleted"
        )


def _place(shown: str, element: Element, position: int, field: str) -> Place:
    """The place of an object's part, as near as it can be found."""
    pointer = f"/annotation/object[{position}]"
    at = element
    for step in field.split("/") if field else ():
        pointer += f"/{step}"
        at = next(iter(voc_xml.children(at, step)), at)
    return Place(shown, line(at), pointer=pointer)


def mask_record(masks: Masks, name: str, on_problem: OnProblem) -> ImageRecord:
    """The record of an image that has masks and no XML file: every object of the mask is an instance."""
    instances: list[Instance] = []
    for position in masks.objects:
        place = Place(masks.shown, pointer=f"object {position}")
        try:
            label, message = masks.label(position)
        except ItemError as error:
            on_problem(Problem(error.code, error.message, place, lost=1, hint=error.hint))
            continue
        if message:
            on_problem(Problem("mask_class_mixed", message, place, Severity.WARNING))
        instances.append(Instance(label, None, masks.polygon(position)))
    return ImageRecord(name, masks.width, masks.height, tuple(instances), place=Place(masks.shown))
