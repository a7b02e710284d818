"""German of what went wrong, and what to do next."""

from __future__ import annotations

ERRORS = {
    "Add a camera and make it active (Ctrl+Numpad 0).": "Eine Kamera hinzufügen und aktivieren (Strg+Ziffernblock 0).",
    "An installation is under way.": "Es läuft schon eine Installation.",
    "Choose a camera for the scene.": "Eine Kamera für die Szene wählen.",
    "Choose a camera in the scene properties.": "In den Eigenschaften der Szene eine Kamera wählen.",
    "Choose a file for it.": "Eine Datei dafür wählen.",
    "Choose both: white in the mask is painted, black stays.":
        "Beides wählen: Weiß in der Maske wird gemalt, Schwarz bleibt.",
    "Choose the folder of a finished plate.": "Den Ordner einer fertigen Plate wählen.",
    "Copy the plate again from where it was made, or run the job again with --resume.":
        "Die Plate noch einmal von ihrem Ursprung kopieren oder noch einmal erzeugen.",
    "Copy the plate again from where it was made.": "Die Plate noch einmal von ihrem Ursprung kopieren.",
    "Enable the add-on Cycles Render Engine, or use another build of Blender.":
        "Das Add-on Cycles Render Engine einschalten oder ein anderes Blender verwenden.",
    "Generate again in the file that has it.": "In der Datei, die sie enthält, noch einmal erzeugen.",
    "Generate again.": "Noch einmal erzeugen.",
    "Generate another one, or choose the folder of another plate.":
        "Noch eine erzeugen oder den Ordner einer anderen Plate wählen.",
    "Generate one, or bring one back from disk.": "Eine erzeugen oder eine von der Festplatte holen.",
    "Generate the plate again, or fetch its folder again from where it was made.":
        "Die Plate noch einmal erzeugen oder ihren Ordner noch einmal von ihrem Ursprung holen.",
    "Give the scene a camera.": "Der Szene eine Kamera geben.",
    "If you trust the file: allow its scripts (--allow-scripts, or Allow Execution in Blender).":
        "Wenn die Datei vertrauenswürdig ist: ihre Skripte in Blender erlauben.",
    "Install again; the details may say more.": "Noch einmal installieren; die Details sagen vielleicht mehr.",
    "Install the runtime in the preferences of Platewright, name a Python there, or set PLATEWRIGHT_RUNTIME.":
        "Die Laufzeitumgebung in den Benutzereinstellungen von Platewright installieren, dort ein Python angeben oder "
        "PLATEWRIGHT_RUNTIME setzen.",
    "Make a library override of it or make it local, or project onto cards or a dome.":
        "Ein Bibliotheks-Override davon anlegen, es lokal machen oder auf Karten oder eine Kuppel projizieren.",
    "Make a library override of the camera and its data, or open its own file.":
        "Ein Bibliotheks-Override der Kamera und ihrer Daten anlegen oder ihre eigene Datei öffnen.",
    "Make it local, or import the plate as the camera's background only.":
        "Ihn lokal machen oder die Plate nur als Kamerahintergrund einfügen.",
    "Make room, or choose a picture as the first frame.": "Platz schaffen oder eine Bilddatei als erstes Bild wählen.",
    "Make room.": "Platz schaffen.",
    "Make the plate again.": "Die Plate noch einmal erzeugen.",
    "Make the world local, or use the camera background.":
        "Die Welt lokal machen oder den Kamerahintergrund verwenden.",
    "Measure the plate again with `platewright check`.": "Die Plate mit `platewright check` noch einmal messen.",
    "Name a Python that has torch, or set PLATEWRIGHT_RUNTIME.":
        "Ein Python mit torch angeben oder PLATEWRIGHT_RUNTIME setzen.",
    "No picture is chosen as the first frame.": "Für das erste Bild ist keine Bilddatei gewählt.",
    "No plate is chosen.": "Es ist keine Plate gewählt.",
    "Nothing is chosen that a frame can be projected onto.":
        "Nichts ist gewählt, worauf ein Einzelbild projiziert werden kann.",
    "Nothing is downloaded while Blender is offline.": "Solange Blender offline ist, wird nichts heruntergeladen.",
    "Open its own file, or make the scene local.": "Ihre eigene Datei öffnen oder die Szene lokal machen.",
    "Press Generate Plate.": "Plate erzeugen drücken.",
    "Render a frame of the scene by hand to see why.":
        "Ein Einzelbild der Szene von Hand rendern, um den Grund zu sehen.",
    "Render a frame of the scene with Cycles by hand to see why.":
        "Ein Einzelbild der Szene von Hand mit Cycles rendern, um den Grund zu sehen.",
    "Render the picture by hand, and choose it as the file.": "Das Bild von Hand rendern und als Bilddatei wählen.",
    "Restore the file or correct its path in the constraint.":
        "Die Datei wiederherstellen oder ihren Pfad in der Bedingung berichtigen.",
    "Restore the linked file (File > External Data > Find Missing Files) and open the shot again.":
        "Die verknüpfte Datei wiederherstellen (Datei > Externe Daten > Fehlende Dateien suchen) und den Shot neu "
        "öffnen.",
    "Save the .blend first, or choose an absolute path.":
        "Erst die .blend-Datei speichern oder einen absoluten Pfad wählen.",
    "Save the file, or choose an absolute output folder.":
        "Die Datei speichern oder einen absoluten Ausgabeordner wählen.",
    "Select the objects first, or project onto cards or a dome.":
        "Erst Objekte auswählen oder auf Karten oder eine Kuppel projizieren.",
    "Set the camera's type to Perspective.": "Den Typ der Kamera auf Perspektive stellen.",
    "Set the frame step to 1 in the output properties.": "Die Schrittweite in den Ausgabe-Eigenschaften auf 1 stellen.",
    "Start it with / or with //.": "Er muss mit / oder // beginnen.",
    "The job is under way.": "Der Auftrag läuft.",
    "The runtime was changed while plates are being made with another one.":
        "Die Laufzeitumgebung wurde gewechselt, während eine andere noch Plates erzeugt.",
    "The scene has no camera.": "Die Szene hat keine Kamera.",
    "The scene is being read for a plate already.": "Die Szene wird schon für eine Plate gelesen.",
    "The scene or its camera went away while it was being read.":
        "Die Szene oder ihre Kamera verschwand, während sie gelesen wurde.",
    "The scene renders in stereo.": "Die Szene wird in Stereo gerendert.",
    "The scene went away while it was being read.": "Die Szene verschwand, während sie gelesen wurde.",
    "The scene's compositor belongs to a linked file.": "Der Compositor der Szene gehört zu einer verknüpften Datei.",
    "There is no Python to run the models with.": "Es gibt kein Python, in dem die Modelle laufen können.",
    "There is no camera for the plate to follow.": "Es gibt keine Kamera, der die Plate folgen kann.",
    "There is no camera to stand the plate behind.": "Es gibt keine Kamera, hinter der die Plate stehen kann.",
    "This Blender has no Cycles to render guides with.": "Diesem Blender fehlt Cycles, um Vorlagen zu rendern.",
    "This Blender has no Python of its own to install with.":
        "Dieses Blender hat kein eigenes Python, um damit zu installieren.",
    "Turn off Stereoscopy in the output properties.": "In den Ausgabe-Eigenschaften Stereoskopie ausschalten.",
    "Use a configuration that knows the plate's space.":
        "Eine Konfiguration verwenden, die den Farbraum der Plate kennt.",
    "Wait for it, or cancel it.": "Warten oder abbrechen.",
    "Wait for them, or cancel them.": "Darauf warten oder sie abbrechen.",
    "Write numbers such as 1001, 1010-1013.": "Nummern wie 1001, 1010-1013 schreiben.",
}
