"""German of the preferences and the runtime."""

from __future__ import annotations

RUNTIME = {
    "Runtime": "Laufzeitumgebung",
    "Folders": "Ordner",
    "Installing": "Installation",
    "Own Python": "Eigenes Python",
    "A Python that has torch and runs the models, or the folder of its environment; empty takes the runtime that was "
    "installed from here":
        "Ein Python mit torch, in dem die Modelle laufen, oder der Ordner seiner Umgebung; leer heißt: die von hier "
        "installierte Laufzeitumgebung",
    "Output": "Ausgabe",
    "Where plates go when the scene names no folder; // is the folder of the .blend":
        "Wohin Plates kommen, wenn die Szene keinen Ordner nennt; // ist der Ordner der .blend-Datei",
    "Models": "Modelle",
    "A folder with models that somebody else keeps, such as a share that is only read":
        "Ein Ordner mit Modellen, den jemand anderes pflegt, etwa eine nur lesbare Freigabe",
    "Cache": "Zwischenspeicher",
    "Where the runtime and fetched models are kept; empty is the system's own place. Large, and best on a local disk":
        "Wo Laufzeitumgebung und geholte Modelle liegen; leer ist der übliche Ort des Systems. Groß, am besten auf "
        "einer lokalen Festplatte",
    "Stay Offline": "Offline bleiben",
    "Fetch nothing for Platewright, even where Blender may go online":
        "Nichts für Platewright herunterladen, auch wenn Blender online gehen darf",
    "Mirror": "Spiegelserver",
    "Address of a package index to take the place of the public one":
        "Adresse eines Paketindex anstelle des öffentlichen",
    "Bundle": "Bündel",
    "Folder of an offline bundle; the runtime is installed from there and nothing is downloaded":
        "Ordner eines Offline-Bündels; die Laufzeitumgebung wird von dort installiert und nichts heruntergeladen",
    "{variable} is set: {value}": "{variable} ist gesetzt: {value}",
    "Checking...": "Wird geprüft...",
    "Press Mend.": "Reparieren drücken.",
    "Ask the worker's Python what is wrong with it and which models it has":
        "Das Python der Laufzeitumgebung fragen, was ihm fehlt und welche Modelle es hat",
    "Open Preferences": "Benutzereinstellungen öffnen",
    "Name the Python that runs the models": "Das Python angeben, in dem die Modelle laufen",
    "Models run in a Python of their own, outside of Blender. Install it, or name one above that is there.":
        "Modelle laufen in einem eigenen Python außerhalb von Blender. Es installieren oder oben ein anderes angeben.",
    "The installation was cancelled; what has arrived is kept for the next one.":
        "Die Installation wurde abgebrochen; was angekommen ist, bleibt für die nächste.",
    "Install Runtime": "Laufzeitumgebung installieren",
    "Install Runtime...": "Laufzeitumgebung installieren...",
    "Install": "Installieren",
    "Download and install the Python environment that runs the models, outside of Blender":
        "Die Python-Umgebung, in der die Modelle laufen, herunterladen und außerhalb von Blender installieren",
    "For": "Für",
    "Which machine the runtime is for": "Für welchen Rechner die Laufzeitumgebung ist",
    "Downloads {size:.1f} GB": "Lädt {size:.1f} GB herunter",
    "Downloads {wheels:.1f} GB and needs up to {needed:.0f} GB of disk; {free:.0f} GB are free.":
        "Lädt {wheels:.1f} GB herunter und braucht bis zu {needed:.0f} GB auf der Festplatte; {free:.0f} GB sind frei.",
    "Goes to {folder}": "Kommt nach {folder}",
    "Blender's own Python stays as it is.": "Das Python von Blender bleibt, wie es ist.",
    "From the bundle in {folder}; nothing is downloaded.": "Aus dem Bündel in {folder}; nichts wird heruntergeladen.",
    "Mend Runtime": "Laufzeitumgebung reparieren",
    "Mend": "Reparieren",
    "Update": "Aktualisieren",
    "Make the installed runtime anew: what is whole is kept, what is damaged or outdated is fetched again":
        "Die Laufzeitumgebung neu aufbauen: Was heil ist, bleibt; was beschädigt oder veraltet ist, wird neu geholt",
    "Remove Runtime": "Laufzeitumgebung entfernen",
    "Delete the installed runtime and everything that was downloaded for it":
        "Die installierte Laufzeitumgebung und alles dafür Heruntergeladene löschen",
    "Stop the installation; what has arrived is kept for the next one":
        "Die Installation anhalten; was angekommen ist, bleibt für die nächste",
    "Copy what went wrong, with the last lines of the log, to paste it where somebody can help":
        "Kopieren, was schiefging, mit den letzten Zeilen des Protokolls, um es Helfern zu schicken",
    "Installed: {variant}, Python {python}, {packages} packages":
        "Installiert: {variant}, Python {python}, {packages} Pakete",
    "The Python it stands on is gone: {python}": "Das Python darunter ist nicht mehr da: {python}",
    "This version of Platewright comes with newer packages.": "Diese Version von Platewright bringt neuere Pakete mit.",
    "Blender is offline. Allow Online Access under System in its preferences, or name an offline bundle.":
        "Blender ist offline. In den Benutzereinstellungen unter System den Online-Zugriff erlauben oder ein "
        "Offline-Bündel angeben.",
    ", {time} left": ", noch {time}",
    "{stage} {what}: {done:.0f} of {total:.0f} MB": "{stage} {what}: {done:.0f} von {total:.0f} MB",
    "waiting for another installation": "wartet auf eine andere Installation",
    "looking for a Python": "sucht ein Python",
    "looking at what is here": "sieht nach, was da ist",
    "making the environment": "legt die Umgebung an",
    "downloading": "lädt herunter",
    "taking over what is here": "übernimmt Vorhandenes",
    "unpacking packages": "entpackt Pakete",
    "examining the new runtime": "prüft die neue Laufzeitumgebung",
    "removing the runtime": "entfernt die Laufzeitumgebung",
}
