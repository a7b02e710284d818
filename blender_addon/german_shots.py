"""German of shots and the storyboard."""

from __future__ import annotations

SHOTS = {
    "Shots": "Shots",
    "{count} shots": "{count} Shots",
    "and {count} more": "und {count} weitere",
    "A shot begins where a marker binds a camera: go to its first frame, select the camera, "
    "and press Ctrl+B over the timeline.":
        "Ein Shot beginnt, wo ein Marker eine Kamera bindet: zu seinem ersten Einzelbild gehen, die Kamera "
        "auswählen und über der Zeitleiste Strg+B drücken.",
    "No plate yet": "Noch keine Plate",
    "Prompt of this shot": "Prompt dieses Shots",
    "waits": "wartet",
    "{code}: see above": "{code}: siehe oben",
    "Generate {count} of {all}": "{count} von {all} erzeugen",
    "reading shot {number} of {count}: {shot}": "Shot {number} von {count} wird gelesen: {shot}",
    "drawing still {number} of {total}": "Standbild {number} von {total} wird gezeichnet",
    "Tick the shots that are to be made.": "Die Shots ankreuzen, die erzeugt werden sollen.",
    "Say in the prompt above, or in that of each shot, what the place looks like.":
        "Im Prompt oben oder in dem jedes Shots sagen, wie der Ort aussieht.",
    "Make This Shot": "Diesen Shot erzeugen",
    "Make a plate of this shot when the chosen ones are made":
        "Eine Plate dieses Shots erzeugen, wenn die angekreuzten erzeugt werden",
    "Prompt of the Shot": "Prompt des Shots",
    "What the place behind this shot looks like; empty takes the scene's prompt":
        "Wie der Ort hinter diesem Shot aussieht; leer nimmt den Prompt der Szene",
    "Seed of the Shot": "Startwert des Shots",
    "The seed of this shot's plate; -1 takes the scene's":
        "Der Startwert für die Plate dieses Shots; -1 nimmt den der Szene",
    "Plate of the Shot": "Plate des Shots",
    "Folder of the plate that was made last for this shot":
        "Ordner der Plate, die zuletzt für diesen Shot entstand",
    "Storyboard": "Storyboard",
    "The storyboard that was drawn last for this scene": "Das Storyboard, das zuletzt für diese Szene gezeichnet wurde",
    "Generate Chosen": "Angekreuzte erzeugen",
    "Make a background plate of each shot that is ticked, one after another":
        "Von jedem angekreuzten Shot eine Hintergrundplate erzeugen, eine nach der anderen",
    "Names of shots with commas between them; empty makes those that are ticked":
        "Namen von Shots mit Kommas dazwischen; leer erzeugt die angekreuzten",
    "Draw one still of each shot on a sheet, quickly, with the draft model; only what has changed is drawn again":
        "Von jedem Shot ein Standbild auf ein Blatt zeichnen, schnell, mit dem Entwurfsmodell; nur was sich "
        "geändert hat, wird neu gezeichnet",
    "Show Storyboard": "Storyboard zeigen",
    "Open the storyboard in an Image Editor of its own": "Das Storyboard in einem eigenen Bildeditor öffnen",
    "Look for {name} in an Image Editor": "{name} in einem Bildeditor suchen",
    "Tick Shots": "Shots ankreuzen",
    "Tick all shots, or none": "Alle Shots ankreuzen, oder keine",
    "Ticked": "Angekreuzt",
    "Tick all, or else none": "Alle ankreuzen, sonst keine",
    "Go to Shot": "Zum Shot gehen",
    "Go to the first frame of this shot": "Zum ersten Einzelbild dieses Shots gehen",
    "Frame": "Einzelbild",
    "The shot's first frame": "Das erste Einzelbild des Shots",
    "Show the plate of a shot behind the shot's own camera, in the shot's own frames":
        "Die Plate eines Shots hinter dessen eigener Kamera zeigen, in dessen eigenen Einzelbildern",
    "The name of the shot": "Der Name des Shots",
    "No camera is bound to a marker, so there are no shots.":
        "An keinen Marker ist eine Kamera gebunden, darum gibt es keine Shots.",
    "Go to the frame where a shot begins, select its camera, and press Ctrl+B over the timeline.":
        "Zum Einzelbild gehen, wo ein Shot beginnt, seine Kamera auswählen und über der Zeitleiste Strg+B "
        "drücken.",
    "No shot is ticked.": "Kein Shot ist angekreuzt.",
    "Tick those that are to be made.": "Die ankreuzen, die erzeugt werden sollen.",
    "Press Storyboard.": "Storyboard drücken.",
    "There is no storyboard yet.": "Es gibt noch kein Storyboard.",
    "A storyboard is being drawn already.": "Ein Storyboard wird schon gezeichnet.",
    "Several shots cannot begin with one picture.": "Mehrere Shots können nicht mit einem Bild beginnen.",
    "Choose another kind of first frame, or one shot alone.":
        "Eine andere Art von erstem Bild wählen, oder einen Shot allein.",
    "The scene is not there any more.": "Die Szene ist nicht mehr da.",
    "Open its file again.": "Ihre Datei wieder öffnen.",
    "Make a plate of each shot: press Generate Chosen under Shots.":
        "Von jedem Shot eine Plate erzeugen: Angekreuzte erzeugen unter Shots drücken.",
}
