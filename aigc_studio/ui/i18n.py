"""The window's language: texts that follow a live switch, and Qt's own translation.

A widget that shows text inherits `Translated` and says `self.tr_bind(label.setText, "Seed")` once. Qt sends
`QEvent.LanguageChange` to every widget when the language is switched, and the text is set again.
Must not know: which texts there are (`core.i18n` does), nor where the choice is kept (settings do).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QLibraryInfo, QLocale, QObject, QTemporaryFile, QTranslator
from shiboken6 import isValid

from aigc_studio.core.i18n import current_language, set_language, tr

from .qt_words import missing_words

__all__ = ["Translated", "TranslatedObject", "switch_language"]

_TRANSLATOR = "aigc-qt-translator"


class Translated:
    """Mixin, first base of a QWidget: `class Panel(Translated, QWidget)`.

    Bindings are kept per setter, so binding the same setter again replaces the text. Override `retranslate()` for what
    is more than "call this setter with this text", and call `super().retranslate()`.
    """

    def tr_bind(self, setter: Callable[[str], Any], source: str, /, **params: object) -> None:
        """Call `setter` with the translation of `source` now and after every language switch.

        `params` fill the text's fields; a StudioError-like `source` is not taken, `N_("...")` texts are.
        A parameter that is callable is called each time, so that it may itself be translated.
        """
        self._bindings()[setter] = (source, params)
        setter(_text(source, params))

    def tr_unbind(self, setter: Callable[[str], Any]) -> None:
        """Forget the binding of `setter`; unknown ones are ignored."""
        self._bindings().pop(setter, None)

    def retranslate(self) -> None:
        """Set every bound text again. Called after a language switch."""
        bindings = self._bindings()
        for setter, (source, params) in list(bindings.items()):
            owner = getattr(setter, "__self__", None)
            if isinstance(owner, QObject) and not isValid(owner):
                del bindings[setter]  # the widget is gone; its setter would raise RuntimeError
                continue
            setter(_text(source, params))

    def changeEvent(self, event: QEvent) -> None:
        """Qt's notice of a language switch."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)  # pyright: ignore[reportAttributeAccessIssue]  QWidget's, later in the MRO

    def _bindings(self) -> dict[Callable[[str], Any], tuple[str, dict[str, object]]]:
        try:
            return self.__tr
        except AttributeError:  # no __init__ here: Qt's multiple inheritance passes arguments along
            self.__tr: dict[Callable[[str], Any], tuple[str, dict[str, object]]] = {}
            return self.__tr


class TranslatedObject(Translated, QObject):
    """`Translated` for a QObject that is no widget, such as a table of actions. It must have a widget as its parent."""

    changeEvent = None  # type: ignore[assignment]  a QObject has none; the event below comes instead

    def event(self, event: QEvent) -> bool:
        """Qt passes the language switch from a widget to all its children."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        return QObject.event(self, event)


def _text(source: str, params: dict[str, object]) -> str:
    return tr(source, **{key: value() if callable(value) else value for key, value in params.items()})


def switch_language(app: QCoreApplication, code: str) -> None:
    """Show everything in `code` ("en", "zh_CN", "" for the system's), Qt's own dialogs and date formats included.

    The widgets hear of it through the event loop: Qt posts LanguageChange to every top-level window.
    """
    set_language(code)
    language = current_language()
    QLocale.setDefault(QLocale(language))
    if isinstance(old := app.property(_TRANSLATOR), QTranslator):
        for each in (old, *old.findChildren(QTranslator)):
            app.removeTranslator(each)
        app.setProperty(_TRANSLATOR, None)
        old.deleteLater()
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if language != "en" and translator.load(f"qtbase_{language}", folder):
        app.setProperty(_TRANSLATOR, translator)
        more = QTranslator(translator)
        file = QTemporaryFile(more)  # Python's QTranslator reads nothing else; it stays open while it is used
        if file.open() and file.write(missing_words()) > 0 and file.flush() and more.load(file.fileName()):
            app.installTranslator(more)
        app.installTranslator(translator)  # tells the widgets
    else:
        QCoreApplication.sendEvent(app, QEvent(QEvent.Type.LanguageChange))
