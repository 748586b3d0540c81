"""SBML models (Level 1 to 3) as Models: any that is ordinary differential equations, with events.

Names are those of the file. A species is a state that counts its *amount*; `[S]` is its concentration, a signal, as
are all assigned quantities and the rates of reactions. What an event or a rate rule changes is a state; all other
constants are parameters, local ones of a reaction as `reaction.name`.
"""

from __future__ import annotations

from pathlib import Path

import libsbml

from homing.formats.sbml_reader import SbmlReader
from homing.ground.errors import StudyError
from homing.mechanism.model import Model

#: Packages that change what a model computes and that are not read. `comp` is flattened first.
_OUTSIDE = {"fbc": "flux balance", "qual": "qualitative networks", "multi": "multi-state species"}
_OUTSIDE |= {"spatial": "space", "distrib": "random draws", "arrays": "arrays", "dyn": "dynamic structures"}


def read_model(file: Path | str) -> Model:
    """The model of an SBML (`.xml`, `.sbml`) or Antimony (`.ant`, `.txt`) file.

    Raises: StudyError naming the file and what is wrong with it or outside, such as algebraic rules or delays.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise StudyError(f"the file can't be read: {e.strerror}.", str(path)) from None
    except UnicodeDecodeError:
        raise StudyError("the file is not text in UTF-8.", str(path)) from None
    if not text.strip():
        raise StudyError("the file is empty.", str(path))
    try:
        if not text.lstrip().startswith("<"):
            text = antimony_to_sbml(text)
        return model_of_sbml(text, folder=path.parent)
    except StudyError as e:
        raise StudyError(e.message, f"{path}: {e.where}" if e.where else str(path)) from None


def as_sbml(file: Path) -> str:
    """The SBML text of a model file, translated where it is Antimony. Raises: StudyError."""
    text = file.read_text(encoding="utf-8-sig")
    return text if text.lstrip().startswith("<") else antimony_to_sbml(text)


def model_of_sbml(text: str, folder: Path | None = None) -> Model:
    """The model of an SBML text. `folder` is where models that it names in other files are looked for.

    Raises: StudyError.
    """
    document = libsbml.readSBMLFromString(text)
    _check_errors(document)
    _flatten(document, folder)
    for prefix, what in _OUTSIDE.items():
        plugin = document.getPlugin(prefix)
        if plugin is not None and (document.getPackageRequired(prefix) or _has_objective(document)):
            raise StudyError(f"the model uses the SBML package '{prefix}' ({what}), which is outside.")
    if document.getModel() is None:
        raise StudyError("the file has no model in it.")
    return SbmlReader(document.getModel()).model()


def antimony_to_sbml(text: str) -> str:
    """The SBML of an Antimony text. Raises: StudyError with Antimony's own words and line."""
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(text) < 0:
        raise StudyError(f"Antimony does not take the model: {antimony.getLastError().strip()}")
    return str(antimony.getSBMLString(antimony.getMainModuleName()))


def _check_errors(document: libsbml.SBMLDocument) -> None:
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR:
            message = " ".join(error.getMessage().split())
            raise StudyError(f"not valid SBML: {message}", f"line {error.getLine()}")


def _flatten(document: libsbml.SBMLDocument, folder: Path | None) -> None:
    if document.getPlugin("comp") is None:
        return
    if folder is not None:
        document.setLocationURI(f"file:{folder.resolve() / 'model.xml'}")
    settings = libsbml.ConversionProperties()
    settings.addOption("flatten comp", True)
    settings.addOption("performValidation", False)
    if document.convert(settings) != libsbml.LIBSBML_OPERATION_SUCCESS:
        raise StudyError(
            "the submodels (SBML package 'comp') can't be joined into one model; libSBML says why not: "
            + " ".join(document.getError(document.getNumErrors() - 1).getMessage().split())
        )


def _has_objective(document: libsbml.SBMLDocument) -> bool:
    model = document.getModel()
    plugin = model.getPlugin("fbc") if model is not None else None
    return plugin is not None and plugin.getNumObjectives() > 0
