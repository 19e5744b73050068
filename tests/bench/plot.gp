# SPDX-License-Identifier: GPL-2.0-or-later
#
# The plot of the benchmark, by gnuplot: dir = where report left NAME.KIND.dat, for 6.12 and,
# if it was measured, 7.3. Hard interrupts come first, as this is how disks complete.

data(kernel, kind) = dir . "/icount-" . kernel . "." . kind . ".dat"
caption(kernel) = system("sed -n '1s/^# //p' " . data(kernel, "hard"))
kernels = system("cd " . dir . " && ls icount-*.hard.dat | sed 's/icount-//; s/.hard.dat//'")
colours = "#1f77b4 #7fb2d9"
captions = ""
do for [kernel in kernels] { captions = captions . caption(kernel) . "\n" }

set terminal svg noenhanced size 1000,860 font "sans,12" background "white"
set output dir . "/plot.svg"
set style data histogram
set style histogram clustered gap 1.5
set style fill solid 0.9 border
set boxwidth 0.95
set grid ytics
set yrange [0:1.4]
set xtics rotate by 40 right font "sans,10"
set key top left horizontal
set multiplot layout 2,1 title \
	"Instructions per I/O over null_blk, better mode of dm-crypt = 1 (lower is better)"
do for [kind in "hard inline"] {
	if (kind eq "hard") {
		set title "completion in hard interrupt"
	} else {
		set title "completion inside of submission"
		set label 1 captions at screen 0.02,0.03 font "sans,9"
		set bmargin 9
	}
	plot for [i = 1:words(kernels)] data(word(kernels, i), kind) using 2:xtic(1) \
		title "evs, " . word(kernels, i) linecolor rgb word(colours, i), \
	     data("6.12", kind) using 3 title "cipher and twice null_blk, 6.12" \
		linecolor rgb "#bbbbbb", \
	     1 with lines linecolor rgb "#d62728" title "dm-crypt"
}
unset multiplot
