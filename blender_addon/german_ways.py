"""German of what can be done with a plate."""

from __future__ import annotations

WAYS = {
    "Show Behind Camera": "Hinter Kamera zeigen",
    "Show a plate as the background of this scene's camera":
        "Eine Plate als Hintergrund der Kamera dieser Szene zeigen",
    "The plate's folder": "Der Ordner der Plate",
    "Composite Behind Render": "Hinter Render komponieren",
    "Put a plate behind the render in this scene's compositor":
        "Eine Plate im Compositor dieser Szene hinter das Gerenderte setzen",
    "Import Solved Camera": "Gelöste Kamera einfügen",
    "Put the camera that the plate shows into the scene, as a second camera, with the points it shows":
        "Die Kamera, die die Plate zeigt, als zweite Kamera in die Szene setzen, mit den Punkten, die sie zeigt",
    "Points": "Punkte",
    "Bring the points along, as a mesh of vertices": "Die Punkte mitbringen, als Mesh aus Vertices",
    "Open Folder": "Ordner öffnen",
    "Open the plate's folder in the file browser of the system":
        "Den Ordner der Plate im Dateimanager des Systems öffnen",
    "File": "Datei",
    "A file in it, for the system's viewer; empty for the folder itself":
        "Eine Datei darin, für den Betrachter des Systems; leer für den Ordner selbst",
    "Open {file} in the viewer of the system": "{file} im Betrachter des Systems öffnen",
    "Ways In": "In die Szene",
    "No plate is in hand. Generate one, or bring one back from disk.":
        "Keine Plate zur Hand. Eine erzeugen oder eine von der Festplatte holen.",
    "{plate} was not where it lay when this file was opened. Bring it back from where it lies now.":
        "{plate} lag beim Öffnen dieser Datei nicht mehr an ihrem Ort. Von dort holen, wo sie jetzt liegt.",
    "Use {version}": "{version} verwenden",
    "Line": "Linie",
    "As in the File": "Wie in der Datei",
    "The plate's own colours; under a view such as AgX the compositor stands it in":
        "Die Farben der Plate selbst; unter einem View wie AgX setzt der Compositor sie ein",
    "As Light in the Scene": "Wie Licht in der Szene",
    "The scene's view transform acts on the plate as on everything else":
        "Die View-Transformation der Szene wirkt auf die Plate wie auf alles andere",
    "Cards": "Karten",
    "A card for each frame, which fills the view of its frozen camera":
        "Eine Karte je Einzelbild, die den Ausschnitt seiner eingefrorenen Kamera füllt",
    "Dome": "Kuppel",
    "A ball around the first frame's camera, which several frames of a pan can fill":
        "Eine Kugel um die Kamera des ersten Einzelbilds, die mehrere Bilder eines Schwenks füllen können",
    "Selected Objects": "Ausgewählte Objekte",
    "The objects that are selected; their own materials come back on removal":
        "Die ausgewählten Objekte; beim Entfernen kommen ihre eigenen Materialien zurück",
    "Image Plane": "Bildebene",
    "The planes that stand before cameras": "Die Ebenen, die vor Kameras stehen",
    "World Background": "Welt-Hintergrund",
    "What the camera sees of the plate where the world is": "Was die Kamera von der Plate sieht, wo die Welt ist",
    "Sequencer Strip": "Sequenzer-Streifen",
    "The strips of plates in this scene's sequencer": "Die Streifen mit Plates im Sequenzer dieser Szene",
    "Projection": "Projektion",
    "Frozen cameras, cards and domes; objects get their materials back":
        "Eingefrorene Kameras, Karten und Kuppeln; Objekte bekommen ihre Materialien zurück",
    "Compositor Branch": "Compositor-Zweig",
    "The plate behind the render, and a wipe with it; the view comes back":
        "Die Plate hinter dem Gerenderten und ein Wisch damit; der View kommt zurück",
    "Camera Background": "Kamerahintergrund",
    "The plates behind the cameras in the viewport": "Die Plates hinter den Kameras im Ansichtsfenster",
    "The plate's folder; empty takes the one that this scene shows":
        "Der Ordner der Plate; leer heißt: die, die diese Szene zeigt",
    "Use This Version": "Diese Version verwenden",
    "Let everything in this scene that shows a version of this plate show this version":
        "Alles in dieser Szene, was eine Version dieser Plate zeigt, diese Version zeigen lassen",
    "Versions on Disk": "Versionen auf der Festplatte",
    "List the versions of this plate that are on disk, the newest first, and use one of them everywhere":
        "Die Versionen dieser Plate auf der Festplatte auflisten, die neueste zuerst, und eine davon überall verwenden",
    "No version of this plate is where it was.": "Keine Version dieser Plate liegt mehr an ihrem Ort.",
    "Bring Back Plate...": "Plate holen...",
    "Show a plate from disk behind the camera; what had lost sight of it finds it again":
        "Eine Plate von der Festplatte hinter der Kamera zeigen; was sie verloren hatte, findet sie wieder",
    "Folders are listed": "Ordner werden aufgelistet",
    "Behind Camera": "Hinter Kamera",
    "Show it as the background of its camera": "Sie als Hintergrund ihrer Kamera zeigen",
    "Behind Render": "Hinter Render",
    "Put it behind the render in the compositor, too": "Sie auch im Compositor hinter das Gerenderte setzen",
    "{count} places that had lost {plate} show it again.":
        "{count} Stellen, die {plate} verloren hatten, zeigen sie wieder.",
    "Stand the plate on a plane that fills the camera's view at a distance and follows its lens":
        "Die Plate auf eine Ebene stellen, die in einem Abstand den Kameraausschnitt füllt und dem Objektiv folgt",
    "Distance": "Abstand",
    "How far before the camera; 0 is behind everything that it sees":
        "Wie weit vor der Kamera; 0 ist hinter allem, was sie sieht",
    "Colour": "Farbe",
    "What the view does to the plate": "Was der View mit der Plate macht",
    "Show the plate where the camera sees the world; the world's own light stays":
        "Die Plate zeigen, wo die Kamera die Welt sieht; das Licht der Welt bleibt",
    "Lay the plate onto this scene's timeline in the sequencer":
        "Die Plate im Sequenzer auf die Zeitleiste dieser Szene legen",
    "Channel": "Kanal",
    "0 takes the lowest free one": "0 nimmt den untersten freien",
    "Wipe A/B": "A/B-Vergleich",
    "Compare two versions behind the render, with a line between them that can be dragged":
        "Zwei Versionen hinter dem Gerenderten vergleichen, mit einer ziehbaren Linie dazwischen",
    "Other": "Andere",
    "Folder of the plate right of the line; empty takes the newest other version on disk":
        "Ordner der Plate rechts der Linie; leer heißt: die neueste andere Version auf der Festplatte",
    "Where the line is: 0 is the picture's left side, 1 its right side":
        "Wo die Linie ist: 0 ist der linke Bildrand, 1 der rechte",
    "Project Frames": "Einzelbilder projizieren",
    "Project frames of the plate from where their camera stood onto cards, a dome or the selected objects":
        "Einzelbilder der Plate vom Ort ihrer Kamera auf Karten, eine Kuppel oder die ausgewählten Objekte projizieren",
    "Frames": "Einzelbilder",
    "Frame numbers such as 1001, 1050; the first lies on top. Empty is the current one":
        "Bildnummern wie 1001, 1050; die erste liegt oben. Leer ist das aktuelle Einzelbild",
    "Onto": "Auf",
    "What the frames fall on": "Worauf die Einzelbilder fallen",
    "From the frozen camera to its card, or to the dome":
        "Von der eingefrorenen Kamera bis zu ihrer Karte oder zur Kuppel",
    "Remove": "Entfernen",
    "Take plates out of this scene again; files on disk stay":
        "Plates wieder aus dieser Szene nehmen; Dateien auf der Festplatte bleiben",
    "Way": "Weg",
    "What is removed": "Was entfernt wird",
    "Remove: {what}": "Entfernen: {what}",
    "Occlusion": "Verdeckung",
    "What the frame's camera did not see of the selected objects, as they stand now, stays free of it":
        "Was die Kamera des Einzelbildes von den ausgewählten Objekten, wie sie jetzt stehen, nicht sah, bleibt frei",
    "Switch Occlusion off, or project a smaller version.":
        "Verdeckung ausschalten oder eine kleinere Version projizieren.",
}
